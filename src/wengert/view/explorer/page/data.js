// Reading what `view/explorer/page_data.py` wrote: numbers, arrays, linear maps and the graph, whose single numbers lie in flat arrays.

const WORDS = { nan: NaN, inf: Infinity, "-inf": -Infinity };
const num = (v) => (typeof v === "string" ? WORDS[v] : v);

// A number as Python writes it: the shortest digits that bring it back.
function repr(x, kind = "f8") {
  if (x !== x) return "nan";
  if (x === Infinity) return "inf";
  if (x === -Infinity) return "-inf";
  if (Object.is(x, -0)) return "-0.0";
  if (kind === "f4") {
    for (let p = 1; p < 10; p++) { const y = Number(x.toPrecision(p)); if (Math.fround(y) === Math.fround(x)) { x = y; break; } }
  }
  const a = Math.abs(x);
  if (a !== 0 && (a < 1e-4 || a >= 1e16)) return x.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  const text = a >= 1e21 ? BigInt(x).toString() : String(x);
  return text.includes(".") ? text : text + ".0";
}

// A number with six digits, for pictures and steps.
function short(x, digits = 6) {
  if (!Number.isFinite(x)) return repr(x).replace("inf", "∞").replace("-", "−");
  const a = Math.abs(x);
  let text;
  if (a !== 0 && (a < 1e-4 || a >= 10 ** Math.max(digits, 6))) {
    text = x.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  } else text = String(Number(x.toPrecision(digits)));
  return text.replaceAll("-", "−");
}
const grouped = (text) => (text.startsWith("−") ? `(${text})` : text);
const counted = (n, one, many = one + "s") => `${n.toLocaleString("en")} ${n === 1 || n === 1n ? one : many}`;

function bytesOf(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// An array of the page: `data` holds what is carried (pairs for complex numbers), `at` the indices on each axis if that is a part.
class Carried {
  constructor(entry) {
    Object.assign(this, entry);
    const bytes = bytesOf(entry.data);
    this.data = entry.kind === "f4" ? new Float32Array(bytes.buffer) : entry.kind === "u1" ? bytes : new Float64Array(bytes.buffer);
    this.complex = entry.kind === "c16";
    this.kept = entry.at ? entry.at.map((axis) => axis.length) : entry.shape;
    this.size = entry.shape.reduce((n, m) => n * m, 1);
    this.carried = this.kept.reduce((n, m) => n * m, 1);
    this.columns = this.kept.length ? this.kept[this.kept.length - 1] : 1;
    this.rows = this.kept.length > 1 ? this.kept[this.kept.length - 2] : 1;
    this.slices = this.carried === 0 ? 0 : this.carried / (this.rows * this.columns);
  }
  // The number that is drawn for an entry: of a complex one its size.
  at_(i) { return this.complex ? Math.hypot(this.data[2 * i], this.data[2 * i + 1]) : this.data[i]; }
  text(i) {
    if (this.kind === "u1") return this.data[i] ? "True" : "False";
    if (!this.complex) return repr(this.data[i], this.kind);
    const im = this.data[2 * i + 1];
    return `${repr(this.data[2 * i])}${signbit(im) ? "-" : "+"}${repr(Math.abs(im))}j`;
  }
  // The index in the whole array of the i-th carried entry.
  index(i) {
    const found = [];
    for (let axis = this.kept.length - 1; axis >= 0; axis--) {
      const j = i % this.kept[axis];
      found.unshift(this.at ? this.at[axis][j] : j);
      i = Math.floor(i / this.kept[axis]);
    }
    return found;
  }
  statistics() {
    if (this.stats) return this.stats;
    const s = { nan: 0, posinf: 0, neginf: 0, zeros: 0, min: Infinity, max: -Infinity, first: null };
    let n = 0, sum = 0, squares = 0;
    for (let i = 0; i < this.carried; i++) {
      const x = this.at_(i);
      if (x === 0) s.zeros++;
      if (Number.isFinite(x)) { n++; sum += x; squares += x * x; if (x < s.min) s.min = x; if (x > s.max) s.max = x; continue; }
      s[x !== x ? "nan" : x > 0 ? "posinf" : "neginf"]++;
      s.first ??= this.index(i);
    }
    if (n) {
      s.mean = sum / n; s.norm = Math.sqrt(squares);
      let spread = 0;
      for (let i = 0; i < this.carried; i++) { const x = this.at_(i); if (Number.isFinite(x)) spread += (x - s.mean) ** 2; }
      s.std = Math.sqrt(spread / n);
      const low = s.min === s.max ? s.min - 0.5 : s.min, high = s.min === s.max ? s.max + 0.5 : s.max, counts = new Array(32).fill(0);
      if (Number.isFinite(high - low)) {
        for (let i = 0; i < this.carried; i++) {
          const x = this.at_(i);
          if (Number.isFinite(x)) counts[Math.min(31, Math.floor(((x - low) / (high - low)) * 32))]++;
        }
        s.histogram = { counts, from: low, to: high };
      }
    } else { delete s.min; delete s.max; }
    return (this.stats = s);
  }
  get finite() { const s = this.statistics(); return !(s.nan || s.posinf || s.neginf); }
}

const raw = JSON.parse(document.getElementById("data").textContent);
const arrayCache = new Map();
const arrayOf = (i) => { if (!arrayCache.has(i)) arrayCache.set(i, new Carried(raw.arrays[i])); return arrayCache.get(i); };

// An array made in the page, for a product of Jacobians or a sum.
function madeArray(shape, data) {
  const made = Object.create(Carried.prototype);
  Object.assign(made, { shape, kept: shape, data, kind: "f8", dtype: "float64", complex: false });
  made.size = made.carried = shape.reduce((n, m) => n * m, 1);
  made.columns = shape.length ? shape[shape.length - 1] : 1;
  made.rows = shape.length > 1 ? shape[shape.length - 2] : 1;
  made.slices = made.carried === 0 ? 0 : made.carried / (made.rows * made.columns);
  return made;
}

// A column of numbers, with NaN where the entry is none; what it is then, `raw` says.
const numbersOf = (column) => Float64Array.from(column, (v) => (v === null || typeof v === "object" ? NaN : num(v)));
const isNumber = (v) => v !== null && typeof v !== "object";

const graph = (() => {
  const count = raw.symbol.length, edges = raw.child.length;
  const firstEdge = new Int32Array(count + 1), parent = new Int32Array(edges), firstUse = new Int32Array(count + 1);
  for (let i = 0; i < count; i++) {
    firstEdge[i + 1] = firstEdge[i] + raw.edges[i];
    parent.fill(i, firstEdge[i], firstEdge[i + 1]);
  }
  for (const c of raw.child) firstUse[c + 1]++;
  for (let i = 0; i < count; i++) firstUse[i + 1] += firstUse[i];
  const uses = new Int32Array(edges), filled = firstUse.slice();
  for (let e = 0; e < edges; e++) uses[filled[raw.child[e]]++] = e;
  const program = { ...raw.program };
  if (program.constants) program.constants = program.constants.map(num);
  return {
    count, edges, firstEdge, parent, firstUse, uses, program,
    root: raw.root, hasAdjoints: raw.adjoints, child: raw.child, position: raw.position, symbol: raw.symbol,
    value: numbersOf(raw.value), adjoint: numbersOf(raw.adjoint), partial: numbersOf(raw.partial), brought: numbersOf(raw.brought),
    operation: (i) => raw.texts[raw.operation[i]],
    formula: (i) => raw.texts[raw.formula[i]],
    shape: (i) => raw.texts[raw.shape[i]],
    dtype: (i) => raw.texts[raw.dtype[i]],
    term: (e) => raw.texts[raw.term[e]],
    rule: (e) => raw.texts[raw.rule[e]],
    flows: (e) => raw.brought[e] !== null || raw.texts[raw.rule[e]] !== "no derivative flows",
    usesOf: (i) => uses.subarray(firstUse[i], firstUse[i + 1]),
    edgesOf: (i) => Array.from({ length: firstEdge[i + 1] - firstEdge[i] }, (_, k) => firstEdge[i] + k),
    isScalar: (i) => isNumber(raw.value[i]),
    hasAdjoint: (i) => raw.adjoint[i] !== null,
    place: (i) => (raw.place[i] < 0 ? null : raw.places[raw.place[i]]),
    array: (column, i) => (raw[column][i]?.array === undefined ? null : arrayOf(raw[column][i].array)),
    map: (e) => (raw.partial[e]?.map === undefined ? null : raw.maps[raw.partial[e].map]),
    entrywise: (e) => (raw.partial[e]?.entrywise === undefined ? null : arrayOf(raw.partial[e].entrywise)),
  };
})();

const digitsOf = (i) => (graph.dtype(i) === "float64" ? "f8" : "f4");
const complexText = ([re, im], write) => `${write(num(re))} ${signbit(num(im)) ? "−" : "+"} ${write(Math.abs(num(im)))}i`;

// A value in words: 'full' has every digit.
function valueText(column, i, full = false) {
  const v = raw[column][i];
  if (v === null) return "—";
  if (isNumber(v)) return full ? repr(graph[column][i], digitsOf(column === "value" || column === "adjoint" ? i : graph.child[i])) : short(graph[column][i]);
  if (v.complex) return complexText(v.complex, full ? (x) => repr(x) : (x) => short(x, 4));
  if (v.tuple) return counted(v.tuple, "output");
  const a = arrayOf(v.array);
  if (a.carried === a.size && a.size <= 6) return bracketed(a);
  return `array ${shapeText(a.shape)}`;
}
const shapeText = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

function bracketed(a, write = (i) => (a.complex ? a.text(i) : a.kind === "u1" ? a.text(i) : short(a.data[i], 4))) {
  let i = 0;
  const inner = (axis) => {
    if (axis === a.shape.length) return write(i++);
    return "[" + Array.from({ length: a.shape[axis] }, () => inner(axis + 1)).join(", ") + "]";
  };
  return inner(0);
}

function isFinite_(column, i) {
  const v = raw[column][i];
  if (v === null || v.tuple) return true;
  if (isNumber(v)) return Number.isFinite(graph[column][i]);
  if (v.complex) return v.complex.every((part) => Number.isFinite(num(part)));
  return arrayOf(v.array).finite;
}
