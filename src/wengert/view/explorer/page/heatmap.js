// Arrays as heat maps and histograms. The scale diverges from white at zero to blue (below) and orange (above), as in pictures, which colour-blind
// people tell apart; what is not finite has a pattern instead of a colour.

const STOPS = [[5, 48, 97], [33, 102, 172], [103, 169, 207], [209, 229, 240], [247, 247, 247], [253, 219, 180], [241, 163, 64], [179, 88, 6], [127, 59, 8]];

function colour(x, top) {
  if (!Number.isFinite(x)) return x !== x ? [120, 120, 120] : x > 0 ? [60, 20, 0] : [0, 20, 60];
  const t = (Math.max(-1, Math.min(1, top ? x / top : 0)) + 1) * 4, k = Math.min(7, Math.floor(t)), f = t - k;
  return STOPS[k].map((low, i) => Math.round(low + f * (STOPS[k + 1][i] - low)));
}
function scaleOf(a) {
  const s = a.statistics();
  return s.min === undefined ? 1 : Math.max(Math.abs(s.min), Math.abs(s.max)) || 1;
}

function pattern(context, x, left, top, w, h) {
  context.save();
  context.beginPath(); context.rect(left, top, w, h); context.clip();
  context.fillStyle = "#fff"; context.fillRect(left, top, w, h);
  context.strokeStyle = "#000"; context.lineWidth = Math.max(1, Math.min(w, h) / 8);
  const up = x !== x || x > 0, down = x !== x || x < 0, step = Math.max(3, Math.min(w, h) / 2);
  context.beginPath();
  for (let d = -h; d < w + h; d += step) {
    if (up) { context.moveTo(left + d, top + h); context.lineTo(left + d + h, top); }
    if (down) { context.moveTo(left + d, top); context.lineTo(left + d + h, top + h); }
  }
  context.stroke(); context.restore();
}

// A viewer of one array: heat map with a cursor, its scale, what is read there, a histogram, and what is left out.
function viewer(a, name) {
  const box = make("div", { class: "viewer" });
  if (a.size === 0) { box.append(make("p", { class: "note" }, `An empty array of shape ${shapeText(a.shape)}.`)); return box; }
  const s = a.statistics(), top = scaleOf(a);
  const state = { zoom: 1, x: 0, y: 0, row: 0, column: 0, slice: 0, seen: false };
  const canvas = make("canvas", { tabindex: "0", role: "application", "aria-roledescription": "heat map",
    "aria-label": `Heat map of ${name}, shape ${shapeText(a.shape)}. Arrow keys move from entry to entry, plus and minus zoom.` });
  const reading = make("div", { class: "reading", "aria-live": "polite" });
  const at = () => (state.slice * a.rows + state.row) * a.columns + state.column;
  const cell = () => {
    const w = (canvas.parentElement?.clientWidth || 362) - 2;
    return (Math.min(w / a.columns, Math.max(1, 220 / a.rows), 34) || 1) * state.zoom;
  };
  function paint() {
    const size = cell(), room = canvas.parentElement?.clientWidth || 360;
    if (state.zoom === 1) canvas.style.width = `${Math.min(room, Math.ceil(size * a.columns) + 2)}px`; else canvas.style.width = "100%";
    const w = canvas.clientWidth || 360, height = Math.max(10, Math.min(220, Math.ceil(size * a.rows))), ratio = Math.max(1, devicePixelRatio || 1);
    canvas.width = w * ratio; canvas.height = height * ratio; canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const sx = Math.max(0, Math.min(state.x, a.columns * size - w)), sy = Math.max(0, Math.min(state.y, a.rows * size - height));
    state.x = sx; state.y = sy;
    const r0 = Math.floor(sy / size), r1 = Math.min(a.rows, Math.ceil((sy + height) / size)), c0 = Math.floor(sx / size), c1 = Math.min(a.columns, Math.ceil((sx + w) / size));
    for (let r = r0; r < r1; r++) for (let c = c0; c < c1; c++) {
      const i = (state.slice * a.rows + r) * a.columns + c, x = a.at_(i), left = c * size - sx, up = r * size - sy;
      if (Number.isFinite(x)) { context.fillStyle = `rgb(${colour(x, top)})`; context.fillRect(left, up, size + 0.5, size + 0.5); }
      else pattern(context, x, left, up, size, size);
      if (size >= 30 && !a.complex && Number.isFinite(x)) {
        context.fillStyle = Math.abs(x) > 0.55 * top ? "#fff" : "#111"; context.font = `${Math.min(12, size / 3.4)}px monospace`; context.textAlign = "center"; context.textBaseline = "middle";
        context.fillText(short(x, Math.abs(x) < 1 ? 2 : 3), left + size / 2, up + size / 2, size - 2);
      }
    }
    if (state.seen) {
      context.lineWidth = 4; context.strokeStyle = "#fff"; context.strokeRect(state.column * size - sx, state.row * size - sy, size, size);
      context.lineWidth = 2; context.strokeStyle = "#000"; context.strokeRect(state.column * size - sx, state.row * size - sy, size, size);
    }
  }
  function read() {
    const i = at();
    reading.textContent = `${name}[${a.index(i).join(", ")}] = ${a.text(i)}`;
  }
  function moveTo(row, column) {
    state.seen = true;
    state.row = Math.max(0, Math.min(a.rows - 1, row)); state.column = Math.max(0, Math.min(a.columns - 1, column));
    const size = cell(), w = canvas.clientWidth, h = canvas.clientHeight;
    if (state.column * size < state.x) state.x = state.column * size;
    if ((state.column + 1) * size > state.x + w) state.x = (state.column + 1) * size - w;
    if (state.row * size < state.y) state.y = state.row * size;
    if ((state.row + 1) * size > state.y + h) state.y = (state.row + 1) * size - h;
    paint(); read();
  }
  function zoom(factor, px = canvas.clientWidth / 2, py = canvas.clientHeight / 2) {
    const before = cell(), was = state.zoom;
    state.zoom = Math.max(1, Math.min(64, was * factor));
    const k = cell() / before;
    state.x = (state.x + px) * k - px; state.y = (state.y + py) * k - py;
    paint();
  }
  const pointed = (event) => { const b = canvas.getBoundingClientRect(), size = cell(); return [Math.floor((event.clientY - b.top + state.y) / size), Math.floor((event.clientX - b.left + state.x) / size)]; };
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) { state.x -= event.movementX; state.y -= event.movementY; paint(); return; }
    const [row, column] = pointed(event);
    if (row < a.rows && column < a.columns) { state.seen = true; state.row = row; state.column = column; paint(); read(); }
  });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); const b = canvas.getBoundingClientRect(); zoom(event.deltaY < 0 ? 1.25 : 0.8, event.clientX - b.left, event.clientY - b.top); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (moves[event.key]) moveTo(state.row + (state.seen ? moves[event.key][0] : 0), state.column + (state.seen ? moves[event.key][1] : 0));
    else if (event.key === "Home") moveTo(0, 0);
    else if (event.key === "End") moveTo(a.rows - 1, a.columns - 1);
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") { state.zoom = 1; state.x = state.y = 0; paint(); }
    else return;
    event.preventDefault(); event.stopPropagation();
  });
  const low = s.min === undefined ? "" : short(-top, 3), high = s.min === undefined ? "" : short(top, 3);
  const ramp = make("canvas", { width: 128, height: 1, "aria-hidden": "true" }), inRamp = ramp.getContext("2d");
  for (let k = 0; k < 128; k++) { inRamp.fillStyle = `rgb(${colour((k / 63.5 - 1) * top, top)})`; inRamp.fillRect(k, 0, 1, 1); }
  const bar = make("div", { class: "bar" }, make("button", { type: "button", "aria-label": `Zoom in on ${name}`, onclick: () => zoom(1.5) }, "+"), make("button", { type: "button", "aria-label": `Zoom out of ${name}`, onclick: () => zoom(1 / 1.5) }, "−"));
  if (a.slices > 1) {
    const chosen = make("input", { type: "range", min: 0, max: a.slices - 1, value: 0, "aria-label": `Slice of ${name}` }), said = make("span");
    const show = () => { state.slice = Number(chosen.value); said.textContent = `slice [${a.index(at()).slice(0, -2).join(", ")}, :, :]`; paint(); };
    chosen.addEventListener("input", show);
    bar.append(chosen, said); queueMicrotask(show);
  }
  box.append(canvas, make("div", { class: "scale" }, low, ramp, high), reading, bar, a.size > 4 ? histogram(s) : "", facts(a, s));
  new ResizeObserver(paint).observe(box);
  queueMicrotask(paint);
  return box;
}

function histogram(s) {
  if (!s.histogram) return "";
  const { counts, from, to } = s.histogram, canvas = make("canvas", { class: "histogram", width: 384, height: 64, role: "img", "aria-label": `Histogram from ${short(from)} to ${short(to)}: ${counts.join(", ")}` });
  const context = canvas.getContext("2d"), most = Math.max(...counts), w = 384 / counts.length;
  counts.forEach((n, k) => {
    const middle = from + ((k + 0.5) * (to - from)) / counts.length, h = n ? Math.max(2, (n / most) * 60) : 0;
    context.fillStyle = middle < 0 ? "#2166ac" : "#e08214"; context.fillRect(k * w, 64 - h, w - 1, h);
  });
  return make("div", {}, canvas, make("div", { class: "scale" }, make("span", {}, short(from, 4)), make("span", {}, "histogram"), make("span", {}, short(to, 4))));
}

function facts(a, s) {
  const found = make("p", { class: "note" });
  const words = [`${shapeText(a.shape)} ${a.dtype}`];
  if (s.min !== undefined) words.push(`min ${short(num(s.min), 4)}, max ${short(num(s.max), 4)}, mean ${short(num(s.mean), 4)}, std ${short(num(s.std), 4)}, norm ${short(num(s.norm), 4)}`);
  if (s.zeros) words.push(`${counted(s.zeros, "zero")}`);
  found.append(words.join(" · "));
  if (a.complex) found.append(" · colours show absolute values");
  if (s.nan || s.posinf || s.neginf) {
    const kinds = [[s.nan, "nan (crossed)"], [s.posinf, "inf (/)"], [s.neginf, "−inf (\\)"]].filter(([n]) => n).map(([n, t]) => `${n.toLocaleString("en")} ${t}`);
    found.append(make("span", { class: "warn" }, ` · not finite: ${kinds.join(", ")}${s.first ? `, first at [${s.first.join(", ")}]` : ""}`));
  }
  if (/float128|complex256|longdouble/.test(a.dtype)) found.append(" · shown rounded to 64 bits");
  if (a.at) found.append(make("span", {}, ` · The page carries ${a.carried.toLocaleString("en")} of ${a.size.toLocaleString("en")} entries, evenly spaced; the figures and the histogram are of all.`));
  return found;
}

// A sparsity pattern: black where an output may depend on an input.
function patternView(p, label) {
  const [rows, columns] = p.shape, bits = bytesOf(p.bits), canvas = make("canvas", { width: columns, height: rows, role: "img",
    "aria-label": `Sparsity pattern of ${label}: ${p.nonzeros} of ${p.rows * p.columns} entries` });
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const on = (bits[i >> 3] >> (7 - (i & 7))) & 1, v = on ? 20 : 250;
    image.data.set([v, v, on ? 60 : 250, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  canvas.style.maxHeight = "320px"; canvas.style.width = columns < rows ? `${Math.max(4, (320 * columns) / rows)}px` : "100%";
  const blocks = p.block[0] * p.block[1] > 1 ? ` Each pixel is a block of ${p.block[0]} × ${p.block[1]}.` : "";
  const share = (100 * p.nonzeros) / (p.rows * p.columns);
  return make("div", { class: "viewer" }, canvas, make("p", { class: "note" }, `Sparsity pattern, ${p.rows.toLocaleString("en")} outputs × ${p.columns.toLocaleString("en")} inputs: ${p.nonzeros.toLocaleString("en")} entries (${short(share, 3)} %) may be nonzero.${blocks}`));
}
