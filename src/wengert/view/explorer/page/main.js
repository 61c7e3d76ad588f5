// The page as a whole: stepping and playing, the source beside it, sliders, search, keys, and the link to a step.

const player = { step: 0, timer: null };

function goTo(step, { follow = byId("follow").checked, speak = true } = {}) {
  player.step = Math.max(0, Math.min(LAST, Math.round(step) || 0));
  const e = edgeAt(player.step), node = e >= 0 ? graph.child[e] : nodeAt(player.step);
  if (follow && node >= 0) {
    const home = e >= 0 ? commonLevel(graph.parent[e], node) : leafLevel[node];
    if (home !== view.level) { showLevel(home, node); showSelection(); }
  }
  markStep(player.step);
  const phase = phaseOf(player.step);
  byId("transport").dataset.phase = phase;
  byId("scrub").value = player.step;
  const said = stepText(player.step);
  byId("scrub").setAttribute("aria-valuetext", said.head);
  byId("count").textContent = `${player.step.toLocaleString("en")} / ${LAST.toLocaleString("en")}`;
  const box = byId("say");
  box.dataset.phase = phase;
  box.setAttribute("aria-live", speak ? "polite" : "off");
  box.replaceChildren(make("div", { class: "head" }, said.head + (said.detail ? ` — ${said.detail}` : "")), make("div", { class: "rule", id: "rule" }, said.lines[0]), make("div", { class: "then", id: "sum" }, said.sum ?? ""));
  showSource(e >= 0 ? graph.parent[e] : node);
  for (const [id, off] of [["first", player.step === 0], ["previous", player.step === 0], ["next", player.step === LAST], ["last", player.step === LAST]]) byId(id).disabled = off;
  writeHash();
}

// The level in which an edge is drawn: the innermost that holds both its ends.
function commonLevel(p, c) {
  return levels[leafLevel[p]].edges.some(([, , edges]) => edges.some((e) => graph.parent[e] === p && graph.child[e] === c)) ? leafLevel[p] : leafLevel[c];
}

function play(on = player.timer === null) {
  clearInterval(player.timer);
  player.timer = null;
  if (on) {
    if (player.step === LAST) goTo(0);
    // Short graphs are played slowly enough to read; of long ones several steps at a time, so that all take a minute and a half at most.
    const wait = Math.max(60, Math.min(1400, 90000 / (LAST + 1))), stride = Math.max(1, Math.round((60 * (LAST + 1)) / 90000));
    player.timer = setInterval(() => { if (player.step >= LAST) play(false); else goTo(player.step + stride, { speak: wait > 700 }); }, wait);
  }
  byId("play").textContent = on ? "❚❚ Pause" : "▶ Play";
  byId("play").setAttribute("aria-pressed", on);
  byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
}

// -- the user's source ---------------------------------------------------------------------------------------------------
const sourceView = { file: -1, lines: new Map() };
function showSource(i) {
  const place = i >= 0 ? graph.place(i) : null, box = byId("source");
  if (!raw.places.length) return;
  box.hidden = false;
  const part = place ? place[0] : Math.max(sourceView.file, 0), { file, lines } = raw.sources[part];
  if (part !== sourceView.file) {
    Object.assign(sourceView, { file: part, lines: new Map(), now: null });
    const written = [];
    lines.forEach(([n, text], k) => {
      if (k && n !== lines[k - 1][0] + 1) written.push(make("span", { class: "line gap" }, "⋯"));
      const line = make("span", { class: "line" }, make("span", { class: "n", "aria-hidden": "true" }, n), make("span", { class: "code" }, text));
      sourceView.lines.set(n, { line, text });
      written.push(line);
    });
    box.replaceChildren(make("h2", {}, file), make("pre", { tabindex: "0", "aria-label": `Source of ${file}` }, ...written));
  }
  if (sourceView.now) {
    const { line, text } = sourceView.now;
    line.classList.remove("now");
    line.removeAttribute("aria-current");
    line.querySelector(".code").replaceChildren(text);
  }
  sourceView.now = place ? sourceView.lines.get(place[1]) : null;
  if (!sourceView.now) return;
  const { line, text } = sourceView.now, pre = line.parentElement, top = line.offsetTop - pre.offsetTop;
  line.classList.add("now");
  line.setAttribute("aria-current", "step");
  line.querySelector(".code").replaceChildren(text.slice(0, place[2]), make("mark", {}, text.slice(place[2], place[3])), text.slice(place[3]));
  if (top < pre.scrollTop || top > pre.scrollTop + pre.clientHeight - 30) pre.scrollTop = top - 60;
}

// -- sliders -------------------------------------------------------------------------------------------------------------
function showSliders() {
  const box = byId("sliders"), inputs = [];
  for (let i = 0; i < graph.count; i++) if (!graph.operation(i)) inputs.push(i);
  if (!inputs.some((i) => graph.isScalar(i))) return;
  box.hidden = false;
  box.replaceChildren(make("h2", {}, "Change an input"));
  const why = graph.program.why ?? checkProgram();
  if (why) {
    box.append(make("p", { class: "note", id: "no-program" }, `The page can run elementwise programs of single float64 numbers, and this is none: ${why}. It needs the kernel: call wengert.explore again with other arguments in Python.`));
    return;
  }
  const original = new Map(inputs.map((i) => [i, graph.value[i]])), changed = new Map();
  const run = () => {
    runProgram(graph, changed);
    goTo(player.step, { follow: false, speak: false });
    showSelection();
    showResult();
  };
  for (const i of inputs.slice(0, 12)) {
    const x = graph.value[i], reach = Math.max(1, 2 * Math.abs(x)) || 1, low = x - reach, high = x + reach;
    const range = make("input", { type: "range", min: low, max: high, step: "any", value: x, id: `slider-${i}`, "data-node": i });
    const exact = make("input", { type: "number", step: "any", value: x, "aria-label": `${graph.symbol[i]}, exactly`, "data-node": i });
    const set = (value, from) => { if (!Number.isFinite(value)) return; changed.set(i, value); (from === range ? exact : range).value = from === range ? Number(value.toPrecision(12)) : value; run(); };
    range.addEventListener("input", () => set(Number(Number(range.value).toPrecision(12)), range));
    exact.addEventListener("input", () => { if (exact.value !== "") set(Number(exact.value), exact); });
    box.append(make("div", { class: "slider" }, make("label", { for: `slider-${i}`, title: graph.symbol[i] }, graph.symbol[i]), range, exact));
  }
  if (inputs.length > 12) box.append(make("p", { class: "note" }, `12 of ${inputs.length} inputs are shown.`));
  box.append(make("button", { type: "button", id: "reset", onclick: () => { for (const [i, x] of original) changed.set(i, x); for (const field of box.querySelectorAll("input")) field.value = original.get(Number(field.dataset.node)); run(); } }, "Reset"));
  box.append(make("p", { class: "note" }, "The path that was recorded is kept: if the function branches on a value (if, while, a comparison), the page goes on along the branch that was taken."));
}

// Does the page's own program say what Python said? If not, no slider is offered.
function checkProgram() {
  const before = { value: graph.value.slice(), adjoint: graph.adjoint.slice(), partial: graph.partial.slice(), brought: graph.brought.slice() };
  runProgram(graph, new Map());
  // A last digit of tanh near 1 is many digits of its slope, so that small adjoints are compared on the scale of all.
  const largest = (column) => column.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
  const scales = { value: largest(before.value), adjoint: largest(before.adjoint) };
  const close = (x, y, scale) => x === y || (x !== x && y !== y) || Math.abs(x - y) <= 1e-7 * Math.max(Math.abs(x), Math.abs(y)) + 1e-13 * scale;
  const agrees = (column, i) => close(graph[column][i], before[column][i], scales[column]);
  let wrong = -1;
  for (let i = 0; i < graph.count && wrong < 0; i++) if (!agrees("value", i) || (graph.hasAdjoint(i) && !agrees("adjoint", i))) wrong = i;
  Object.assign(graph, before);
  return wrong < 0 ? null : `the browser's numbers differ from NumPy's at ${graph.symbol[wrong]}`;
}

// -- search --------------------------------------------------------------------------------------------------------------
function search(text) {
  const words = text.toLowerCase().split(/\s+(?![^(]*\))/).filter(Boolean), found = [];
  const odd = /^(nan|inf|nonfinite|non-finite|not-finite|finite)$/;
  const plainWords = text.toLowerCase().replace("not finite", "nonfinite").split(/\s+(?![^(]*\))/).filter(Boolean);
  for (let i = 0; i < graph.count && found.length < 200; i++) {
    const place = graph.place(i), all = `${graph.symbol[i]} ${graph.operation(i) || "input"} ${graph.shape(i)} ${place ? place[5] : ""}`.toLowerCase();
    if (plainWords.every((word) => all.includes(word) || (odd.test(word) && isOdd(i, word)))) found.push(i);
  }
  return words.length ? found : [];
}
function isOdd(i, word) {
  if (isFinite_("value", i) && isFinite_("adjoint", i)) return false;
  if (word !== "nan" && word !== "inf") return true;
  return ["value", "adjoint"].some((column) => {
    const v = raw[column][i];
    if (v === null || v.tuple) return false;
    if (isNumber(v)) return word === "nan" ? graph[column][i] !== graph[column][i] : Math.abs(graph[column][i]) === Infinity;
    if (v.complex) return v.complex.some((part) => (word === "nan" ? Number.isNaN(num(part)) : Math.abs(num(part)) === Infinity));
    const s = arrayOf(v.array).statistics();
    return word === "nan" ? s.nan > 0 : s.posinf + s.neginf > 0;
  });
}
function showFound() {
  const box = byId("found"), text = byId("query").value.trim();
  box.hidden = !text;
  if (!text) return;
  const found = search(text);
  box.replaceChildren(make("p", { class: "muted", role: "status" }, found.length === 200 ? "the first 200" : counted(found.length, "node")), ...found.slice(0, 200).map((i) =>
    make("button", { type: "button", role: "option", onclick: () => { box.hidden = true; goToNode(i); } }, `${graph.symbol[i]} = ${valueText("value", i)}  ·  ${graph.operation(i) || "input"} ${graph.shape(i)}`)));
}

// -- selecting and moving about ------------------------------------------------------------------------------------------
function activate(item, second = false) {
  if (item.kind === "box") return openLevel(item.ref);
  selectNode(item.ref, second);
}
function selectNode(i, second = false) {
  if (second && selection.first !== null && selection.first !== i) selection.second = i;
  else Object.assign(selection, { first: i, second: null });
  selection.edge = null;
  showSelection();
  writeHash();
}
function selectEdge(e) {
  Object.assign(selection, { first: null, second: null, edge: e });
  showSelection();
}
function goToNode(i) {
  if (leafLevel[i] !== view.level) openLevel(leafLevel[i], i);
  selectNode(i);
  const item = view.elements[elementsOf(i)[0]];
  if (item) { focusElement(item); bring(item); }
}
function openLevel(k, focusOn = null) {
  const from = view.level;
  showLevel(k, focusOn);
  if (focusOn === null && view.ofBox.has(from)) view.focus = view.ofBox.get(from);
  markStep(player.step);
  showSelection();
  if (focusOn === null && view.elements[view.focus]) focusElement(view.elements[view.focus]);
  writeHash();
}

function writeHash() {
  const parts = [`step=${player.step}`];
  if (view.level) parts.push(`box=${view.level}`);
  if (selection.first !== null) parts.push(`node=${selection.first}`);
  if (selection.second !== null) parts.push(`to=${selection.second}`);
  const hash = `#${parts.join("&")}`;
  if (location.hash === hash) return;
  try { history.replaceState(null, "", hash); } catch { /* a frame may not: there is no address to share either */ }
}
function readHash() {
  const asked = new URLSearchParams(location.hash.slice(1)), whole = (key, limit) => { const n = Number(asked.get(key)); return asked.has(key) && Number.isInteger(n) && n >= 0 && n < limit ? n : null; };
  const box = whole("box", levels.length), node = whole("node", graph.count), to = whole("to", graph.count), step = whole("step", LAST + 1);
  if (!location.hash.includes("=") && raw.start) return startAt(raw.start);
  showLevel(box ?? 0);
  Object.assign(selection, { first: node, second: node === null ? null : to, edge: null });
  goTo(step ?? LAST, { follow: false });
  showSelection();
}

// Open the page where it was asked to: at a value, or at what an edge of its operation brings to an operand.
function startAt({ node, backward, operand }) {
  const e = backward ? graph.edgesOf(node).find((k) => whenBackward[k] >= 0 && graph.symbol[graph.child[k]] === operand) : undefined;
  const at = e === undefined ? node : graph.child[e];
  showLevel(leafLevel[node]);
  Object.assign(selection, { first: at, second: null, edge: null });
  goTo(e === undefined ? node + 1 : whenBackward[e], { follow: false });
  showSelection();
}

// -- keys ----------------------------------------------------------------------------------------------------------------
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  const inField = event.target.matches("input, textarea, select"), onElement = event.target.closest?.(".element"), { key } = event;
  if (key === "Escape" && (byId("query") === event.target || !byId("found").hidden)) { byId("found").hidden = true; byId("query").blur(); return; }
  if (inField) return;
  if (onElement && ARROWS[key]) {
    const next = neighbour(view.elements[view.focus], ...ARROWS[key]);
    if (next) { focusElement(next); bring(next); }
  } else if (onElement && (key === "Enter" || key === " ")) activate(view.elements[view.focus], event.shiftKey);
  else if (key === "ArrowRight") goTo(player.step + 1);
  else if (key === "ArrowLeft") goTo(player.step - 1);
  else if (key === "Home") goTo(0);
  else if (key === "End") goTo(LAST);
  else if (key === "m" || key === "M") goTo(graph.count);
  else if (key === " " && !event.target.matches("button, summary, [role=button]")) play();
  else if (key === "Escape" && (selection.first !== null || selection.edge !== null)) { Object.assign(selection, { first: null, second: null, edge: null }); showSelection(); writeHash(); }
  else if ((key === "Escape" || key === "Backspace") && levels[view.level].up !== null) openLevel(levels[view.level].up);
  else if (key === "/") byId("query").focus();
  else if (key === "?") byId("keys").showModal();
  else if (key === "+" || key === "=") zoomTo(1.25);
  else if (key === "-") zoomTo(0.8);
  else if (key === "0") zoomTo("fit");
  else return;
  event.preventDefault();
});

const PRESSED = {
  first: () => goTo(0), previous: () => goTo(player.step - 1), next: () => goTo(player.step + 1), last: () => goTo(LAST), middle: () => goTo(graph.count),
  play: () => play(), help: () => byId("keys").showModal(), smaller: () => zoomTo(0.8), larger: () => zoomTo(1.25), fit: () => zoomTo("fit"),
};
for (const [id, action] of Object.entries(PRESSED)) byId(id).addEventListener("click", action);
byId("scrub").addEventListener("input", () => { play(false); goTo(Number(byId("scrub").value)); });
byId("query").addEventListener("input", showFound);
byId("search").addEventListener("submit", (event) => { event.preventDefault(); byId("found").querySelector("button")?.click(); });
document.addEventListener("click", (event) => { if (!event.target.closest("#search")) byId("found").hidden = true; });
addEventListener("hashchange", readHash);
addEventListener("resize", () => zoomTo("read"));

byId("title").textContent = raw.title;
byId("title").title = raw.title;
const showResult = () => { byId("about").textContent = `${L} = ${valueText("value", graph.root)}`; };
showResult();
byId("scrub").max = LAST;
byId("forward-part").style.flex = graph.count;
byId("backward-part").style.flex = LAST - graph.count;
byId("backward-part").hidden = !graph.hasAdjoints;
showSliders();
readHash();
document.documentElement.dataset.ready = "yes";
