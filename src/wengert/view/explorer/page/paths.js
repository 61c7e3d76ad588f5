// All paths between two nodes, the product of the partials along each, and their sum. Their number can be exponential: it is
// counted exactly, and the sum is taken node by node, so that neither needs the list.

const LISTED = 24, HEAVIEST = 5, ENTRIES = 65536, WORK = 3e7;

// The shape of a node as numbers; null for a tuple or complex numbers, for which the page has no matrices.
function sizesOf(i) {
  const v = raw.value[i];
  if (v === null || v.tuple || v.complex || graph.dtype(i).startsWith("complex")) return null;
  return (graph.shape(i).match(/\d+/g) ?? []).map(Number);
}
const sizeOf = (i) => { const shape = sizesOf(i); return shape && shape.reduce((n, m) => n * m, 1); };

// J · M, for the Jacobian of an edge and a matrix {rows, columns, data} of its child's rows; null where J is not carried.
function timesJacobian(e, M) {
  if (isNumber(raw.partial[e])) return { ...M, data: M.data.map((x) => strong(x, graph.partial[e])) };
  const a = graph.entrywise(e);
  if (a) {
    if (a.at || a.complex) return null;
    return { ...M, data: M.data.map((x, k) => strong(x, a.data[Math.floor(k / M.columns)])) };
  }
  const map = graph.map(e);
  if (!map || map.dense === undefined) return null;
  const J = arrayOf(map.dense);
  if (J.at || J.complex) return null;
  const [rows, inner] = J.shape, data = new Float64Array(rows * M.columns);
  for (let r = 0; r < rows; r++) for (let k = 0; k < inner; k++) {
    const j = J.data[r * inner + k];
    if (j !== 0) for (let c = 0; c < M.columns; c++) data[r * M.columns + c] += strong(j, M.data[k * M.columns + c]);
  }
  return { rows, columns: M.columns, data };
}
function identity(n) {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return { rows: n, columns: n, data };
}

function pathsBetween(one, other) {
  const top = Math.max(one, other), bottom = Math.min(one, other);
  const count = new Map([[bottom, 1n]]), heavy = new Map([[bottom, [{ weight: 0, product: 1, edge: -1 }]]]), size = sizeOf(bottom);
  const sums = new Map([[bottom, size !== null && size * size <= ENTRIES ? identity(size) : null]]);
  let work = 0, scalars = size === 1;
  for (let i = bottom + 1; i <= top; i++) {
    let n = 0n, sum = null, lost = false, found = [];
    for (let e = graph.firstEdge[i]; e < graph.firstEdge[i + 1]; e++) {
      const c = graph.child[e];
      if (!count.has(c) || !graph.flows(e)) continue;
      n += count.get(c);
      const below = sums.get(c), rows = sizeOf(i);
      work += (rows ?? 1) * (size ?? 1);
      const part = below && rows !== null && rows * size <= ENTRIES && work < WORK ? timesJacobian(e, below) : null;
      if (!part) lost = true;
      else if (!sum) sum = part;
      else sum.data = sum.data.map((x, k) => x + part.data[k]);
      if (isNumber(raw.partial[e])) {
        const p = graph.partial[e], weight = p !== p ? Infinity : Math.log(Math.abs(p));
        found = found.concat((heavy.get(c) ?? []).map((path) => ({ weight: weight + path.weight, product: strong(p, path.product), edge: e, rest: path })));
      } else scalars = false;
    }
    if (n === 0n) continue;
    count.set(i, n);
    sums.set(i, lost ? null : sum);
    heavy.set(i, found.sort((x, y) => y.weight - x.weight).slice(0, HEAVIEST));
  }
  const total = count.get(top) ?? 0n;
  const result = { top, bottom, total, onWay: count, sum: total ? sums.get(top) : null, paths: [], complete: total <= BigInt(LISTED) };
  if (total === 0n) return result;
  result.paths = result.complete ? listed(top, bottom, count, LISTED) : scalars ? (heavy.get(top) ?? []).map(edgesOfHeavy) : listed(top, bottom, count, HEAVIEST);
  result.byWeight = !result.complete && scalars;
  return result;
}
function edgesOfHeavy(path) {
  const edges = [];
  for (let p = path; p && p.edge >= 0; p = p.rest) edges.push(p.edge);
  return edges;
}

// The first paths, each as its edges from the top down; with a stack of its own, because graphs are deep.
function listed(top, bottom, count, most) {
  const found = [], stack = [[top, null]];
  while (stack.length && found.length < most) {
    const [node, way] = stack.pop();
    if (node === bottom) { const edges = []; for (let w = way; w; w = w.before) edges.unshift(w.edge); found.push(edges); continue; }
    const edges = graph.edgesOf(node).filter((e) => count.has(graph.child[e]) && graph.flows(e));
    for (const e of edges.reverse()) stack.push([graph.child[e], { edge: e, before: way }]);
  }
  return found;
}

function productOf(edges) {
  if (edges.every((e) => isNumber(raw.partial[e]))) return { number: edges.reduce((p, e) => strong(p, graph.partial[e]), 1) };
  const size = sizeOf(graph.child[edges[edges.length - 1]]);
  let M = size !== null && size * size <= ENTRIES ? identity(size) : null;
  for (const e of [...edges].reverse()) {
    const rows = sizeOf(graph.parent[e]);
    M = M && rows !== null && rows * size <= ENTRIES ? timesJacobian(e, M) : null;
  }
  return M ? { matrix: M } : {};
}

const DEEP = 12; // factors that are written of a path
function cutMiddle(parts) {
  return parts.length <= DEEP ? parts : [...parts.slice(0, DEEP / 2), `… ${counted(parts.length - DEEP, "more")} …`.replace("mores", "more"), ...parts.slice(-DEEP / 2)];
}
function pathText(edges) {
  const names = [graph.symbol[graph.parent[edges[0]]], ...edges.map((e) => graph.symbol[graph.child[e]])], product = productOf(edges);
  const numbers = edges.every((e) => isNumber(raw.partial[e]));
  const written = edges.map((e, k) => (isNumber(raw.partial[e]) ? (numbers && k ? grouped : String)(short(graph.partial[e])) : raw.texts[raw.label[e]]));
  const factors = cutMiddle(written).join(numbers ? " · " : ", then "); // maps are gone through one after the other
  const value = product.number !== undefined ? ` = ${short(product.number)}` : product.matrix && product.matrix.data.length === 1 ? ` = ${short(product.matrix.data[0])}` : "";
  return { then: !numbers, route: cutMiddle(names).join(" → "), symbols: cutMiddle(edges.map(alongEdge)).join(" · "), numbers: !numbers && value ? `${factors}: ${value.slice(3)}` : edges.length === 1 && value === ` = ${factors}` ? factors : factors + value, product };
}

// A number of paths, all its digits; of a very long one first its size.
function many(total) {
  if (total <= BigInt(LISTED)) return counted(total, "path");
  const digits = String(total), all = `${total.toLocaleString("en")} paths`;
  return digits.length <= 21 ? all : `about ${digits[0]}.${digits.slice(1, 3)} × 10^${digits.length - 1} paths, exactly ${all}`;
}

function showPaths(one, other) {
  const found = pathsBetween(one, other), { top, bottom, total } = found, left = `∂${graph.symbol[top]}/∂${graph.symbol[bottom]}`;
  const box = byId("inspector");
  const parts = [make("h2", {}, `Paths from ${graph.symbol[top]} to ${graph.symbol[bottom]}`)];
  markPath(new Set());
  if (total === 0n) {
    parts.push(make("p", {}, top === bottom ? "These are the same node." : `No derivative flows between them: neither was computed from the other. ${left} = 0.`));
    return box.replaceChildren(...parts);
  }
  parts.push(make("p", { id: "path-count" }, many(total)));
  if (!found.complete) parts.push(make("p", { class: "note" }, found.byWeight ? `Too many to list. The ${found.paths.length} that weigh most:` : `Too many to list. ${found.paths.length} of them:`));
  const list = make("ol", { class: "terms" });
  const values = [];
  for (const edges of found.paths) {
    const text = pathText(edges), item = make("li", { tabindex: "0" }, make("span", { class: "why" }, text.route), text.symbols, make("br"), `${text.then ? "" : "= "}${text.numbers}`);
    const mark = () => { markPath(new Set(edges)); for (const other of list.children) other.classList.toggle("shown", other === item); };
    for (const event of ["click", "focus", "pointerenter"]) item.addEventListener(event, mark);
    list.append(item);
    if (text.product.number !== undefined) values.push(text.product.number);
    else if (text.product.matrix?.data.length === 1) values.push(text.product.matrix.data[0]);
  }
  parts.push(list);
  const sum = found.sum, isOne = sum && sum.data.length === 1;
  if (isOne) {
    const terms = found.complete && values.length > 1 && values.length === found.paths.length && values.length <= 8 ? ` = ${values.map((v, k) => (k ? grouped(short(v)) : short(v))).join(" + ")}` : "";
    parts.push(make("p", { class: "sum", id: "path-sum" }, `${left}${terms} = ${repr(sum.data[0])}`));
  } else if (sum) {
    const shape = [...sizesOf(top), ...sizesOf(bottom)];
    parts.push(make("p", { class: "sum", id: "path-sum" }, `${left}, the sum over all paths: a Jacobian of shape ${shapeText(shape)}`), viewer(madeArray(shape, Float64Array.from(sum.data)), left));
  } else if (top === graph.root && graph.hasAdjoint(bottom)) {
    const a = graph.array("adjoint", bottom);
    parts.push(make("p", { class: "sum", id: "path-sum" }, `The sum over all paths is the adjoint: ${left}${a ? "" : ` = ${valueText("adjoint", bottom, true)}`}`), ...(a ? [viewer(a, left)] : []));
  } else parts.push(make("p", { class: "note", id: "path-sum" }, "The Jacobians on the way are too large for the page to multiply; wengert.jacobian gives their sum."));
  parts.push(make("p", { class: "note" }, "The chain rule: along a path the partials are multiplied, and over all paths the products are added up."));
  if (found.complete) markPath(new Set(found.paths.flat())); else markPath(new Set(found.paths[0]));
  box.replaceChildren(...parts);
}

function markPath(edges) {
  for (const edge of view.edges) edge.group.classList.toggle("path", edge.edges.some((e) => edges.has(e)));
}
