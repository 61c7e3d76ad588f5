// Drawing one level of the graph, and marking in it what a step, a selection or a path touches.

const SVG = "http://www.w3.org/2000/svg";
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  return fill(made, attributes, children);
}
function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}
function fill(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}
const byId = (id) => document.getElementById(id);
const cut = (text, n) => (text.length <= n ? text : text.slice(0, n - 1) + "…");
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const levels = raw.levels;
// The level in which a node is at home: where it is computed; of an input, which may be drawn in several, the first.
const leafLevel = new Int32Array(graph.count).fill(-1);
for (const kinds of [["node"], ["input"], ["outside"]]) {
  levels.forEach((level, k) => { for (const [kind, ref] of level.elements) if (kinds.includes(kind) && leafLevel[ref] < 0) leafLevel[ref] = k; });
}

// The nodes in a level, however deep, in their order. What is only listed in a box is at home elsewhere.
const insideOf = new Map();
function inside(k) {
  if (!insideOf.has(k)) {
    const { listed, elements } = levels[k];
    const found = elements.flatMap(([kind, ref]) => (kind === "box" ? (levels[ref].listed && !listed ? [] : inside(ref)) : kind === "node" || listed ? [ref] : []));
    insideOf.set(k, found.sort((a, b) => a - b));
  }
  return insideOf.get(k);
}

const view = { level: 0, zoom: 1, elements: [], edges: [], ofNode: new Map(), ofListed: new Map(), ofBox: new Map(), ofEdge: new Map(), focus: 0 };

// The elements that stand for a node in the level that is shown: itself, the box that it is in, or a port.
function elementsOf(node) {
  const direct = view.ofNode.get(node) ?? view.ofListed.get(node);
  if (direct) return direct;
  for (let k = leafLevel[node]; k !== null; k = levels[k].up) {
    if (levels[k].up === view.level) return [view.ofBox.get(k)];
  }
  return [];
}

// A line that leaves and enters each row straight down.
function pathOf(points) {
  let d = `M${points[0]}`;
  for (let k = 1; k < points.length; k++) {
    const [x, y] = points[k], [px, py] = points[k - 1], middle = (py + y) / 2;
    d += Math.abs(px - x) < 0.05 ? ` L${x},${y}` : ` C${px},${middle} ${x},${middle} ${x},${y}`;
  }
  return d;
}

// A picture of an array in a few pixels, for a node.
function thumbnail(a) {
  const rows = Math.min(a.rows, 24), columns = Math.min(a.columns, 24), canvas = document.createElement("canvas");
  canvas.width = columns; canvas.height = rows;
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows), top = scaleOf(a);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
    const i = Math.floor((r * a.rows) / rows) * a.columns + Math.floor((c * a.columns) / columns);
    image.data.set([...colour(a.at_(i), top), 255], 4 * (r * columns + c));
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

function showLevel(k, focusOn = null) {
  view.level = k;
  const level = levels[k], layout = raw.layouts[level.layout];
  Object.assign(view, { elements: [], edges: [], ofNode: new Map(), ofListed: new Map(), ofBox: new Map(), ofEdge: new Map(), width: layout.size[0], height: layout.size[1] });
  const svg = draw("svg", { class: "graph", viewBox: `0 0 ${layout.size[0]} ${layout.size[1]}`, role: "group",
    "aria-label": `${level.title}: ${counted(level.elements.length, "element")}. Arrow keys go from node to node, Enter selects.` });
  svg.append(draw("defs", {}, draw("marker", { id: "head", viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 8, markerHeight: 8, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" },
    draw("path", { class: "arrow", d: "M0,1 L10,5 L0,9 z" }))));
  const under = draw("g", { "aria-hidden": "true" }), over = draw("g");
  svg.append(under, over);
  level.edges.forEach(([from, to, edges], i) => {
    const points = layout.routes[i];
    const path = draw("path", { d: pathOf(points), "marker-end": "url(#head)" });
    const [x, y] = layout.labels[i] ?? alongRoute(points), text = draw("text", { class: "label", x, y: y + 4, "text-anchor": "middle" });
    const behind = draw("rect", { class: "behind", y: y - 9, height: 18 }), group = draw("g", { class: "edge" }, path, behind, text);
    if (edges.length === 1) group.addEventListener("click", () => selectEdge(edges[0]));
    under.append(group);
    view.edges.push({ group, text, behind, x, from, to, edges });
    for (const e of edges) view.ofEdge.set(e, i);
  });
  level.elements.forEach(([kind, ref, extra], i) => {
    const [x, y, w, h] = layout.at[i];
    const group = draw("g", { class: `element ${kind}`, transform: `translate(${x},${y})`, role: "button", tabindex: "-1" });
    const item = { group, kind, ref, i, x, y, w, h };
    group.append(draw("rect", { class: "ring", x: -4, y: -4, width: w + 8, height: h + 8, rx: 12 }));
    if (kind === "box") {
      for (const d of [6, 3]) group.append(draw("rect", { class: "behind", x: d, y: -d, width: w, height: h, rx: 8 }));
    }
    group.append(draw("rect", { class: "frame", width: w, height: h, rx: 8 }));
    const line = (cls, at) => {
      const made = draw("text", { class: cls, x: 10, y: at });
      group.append(made);
      return made;
    };
    const title = line("symbol", 20);
    item.value = line("value", 38);
    item.adjoint = line("adjoint", 56);
    if (kind === "box") {
      title.textContent = cut(levels[ref].title, 30);
      view.ofBox.set(ref, i);
      if (levels[ref].listed) for (const n of inside(ref)) view.ofListed.set(n, [i]);
    } else {
      if (ref === graph.root) group.classList.add("root");
      title.append(cut(graph.symbol[ref], 30));
      if (kind === "node" && graph.formula(ref) && graph.symbol[ref].length < 26) title.append(draw("tspan", { class: "formula" }, ` = ${cut(graph.formula(ref), 27 - graph.symbol[ref].length)}`));
      const a = graph.array("value", ref);
      if (a && a.size > 3) {
        item.picture = draw("image", { href: thumbnail(a), x: w - 42, y: 25, width: 34, height: h - 32, preserveAspectRatio: "none", class: "picture" });
        group.append(item.picture);
      }
      view.ofNode.set(ref, [...(view.ofNode.get(ref) ?? []), i]);
    }
    group.addEventListener("click", (event) => { view.focus = i; activate(item, event.shiftKey); });
    group.addEventListener("focus", () => { view.focus = i; });
    over.append(group);
    view.elements.push(item);
  });
  byId("canvas").replaceChildren(svg);
  view.svg = svg;
  view.focus = focusOn === null ? 0 : elementsOf(focusOn)[0] ?? 0;
  if (view.elements.length) view.elements[view.focus].group.setAttribute("tabindex", "0");
  zoomTo("read");
  showTrail();
}

// Where an edge's label is: a little before the middle of its longest piece.
function alongRoute(points) {
  let best = 0, at = points[0];
  for (let k = 1; k < points.length; k++) {
    const [x, y] = points[k], [px, py] = points[k - 1], length = Math.hypot(x - px, y - py);
    if (length > best) { best = length; at = [(px + x) / 2, (py + y) / 2]; }
  }
  return at;
}

function showTrail() {
  const found = [];
  for (let k = view.level; k !== null && k !== undefined; k = levels[k].up) found.unshift(k);
  byId("trail").replaceChildren(...found.flatMap((k, i) => {
    const last = i === found.length - 1;
    const part = last ? make("span", { "aria-current": "location" }, cut(levels[k].title, 28)) : make("button", { type: "button", onclick: () => openLevel(k) }, cut(levels[k].title, 28));
    return last ? [part] : [part, " › "];
  }));
  byId("hint").textContent = levels.length > 1
    ? `${counted(levels[view.level].elements.length, "card")} on screen, of ${counted(graph.count, "node")} in all. Open a stacked box with a click or Enter, leave it with Esc.`
    : "Click a node for its value and derivative, shift-click a second one for the paths between them.";
}

function zoomTo(how) {
  const box = byId("canvas"), room = Math.min((box.clientWidth - 12) / view.width, (box.clientHeight - 12) / view.height);
  if (how === "fit") view.zoom = Math.min(1.5, room || 1);
  else if (how === "read") view.zoom = Math.max(0.85, Math.min(1.4, room || 1)); // large enough to read, if need be by scrolling
  else view.zoom = Math.max(0.1, Math.min(4, view.zoom * how));
  view.svg.setAttribute("width", view.width * view.zoom);
  view.svg.setAttribute("height", view.height * view.zoom);
}

function bring(item) {
  item.group.scrollIntoView?.({ block: "nearest", inline: "nearest", behavior: calm() ? "auto" : "smooth" });
}

// Write the numbers of a step into the elements and mark what it touches.
function markStep(step) {
  const phase = phaseOf(step), now = phase === "forward" ? nodeAt(step) : -1, e = edgeAt(step);
  const gets = e >= 0 ? graph.child[e] : phase === "seed" ? graph.root : -1, gives = e >= 0 ? graph.parent[e] : -1;
  const nowAt = new Set(now >= 0 ? elementsOf(now) : []), getsAt = new Set(gets >= 0 ? elementsOf(gets) : []), givesAt = new Set(gives >= 0 ? elementsOf(gives) : []);
  for (const item of view.elements) {
    const classes = item.group.classList, box = item.kind === "box";
    let label;
    if (box) {
      const level = levels[item.ref], done = countBelow(item.ref, step), all = counted(level.count, "node");
      classes.toggle("pending", done === 0);
      item.value.textContent = done === level.count || done === 0 ? all : `${done.toLocaleString("en")} of ${all}`;
      label = `Box ${level.title}, ${all}. Enter opens it.`;
    } else {
      const there = isComputed(item.ref, step), so = there ? adjointSoFar(item.ref, step) : null;
      classes.toggle("pending", !there);
      classes.toggle("bad", there && !isFinite_("value", item.ref));
      item.value.textContent = there ? cut(valueText("value", item.ref).replace("array ", ""), Math.floor((item.w - (item.picture ? 60 : 20)) / 7.4)) : "?";
      if (item.picture) item.picture.style.visibility = there ? "visible" : "hidden";
      item.adjoint.textContent = so ? cut(`${ofL(item.ref)} ${so.array && !so.complete ? ":" : "="} ${so.array ? so.text.replace("array ", "") : so.text}${so.complete ? "" : " …"}`, Math.floor((item.w - (item.picture ? 60 : 20)) / 6.9)) : "";
      item.adjoint.classList.toggle("bad", !!so && so.complete && !isFinite_("adjoint", item.ref));
      label = `${graph.symbol[item.ref]}${there ? ` = ${valueText("value", item.ref)}` : ", not computed yet"}, ${graph.operation(item.ref) || "input"}${so ? `, derivative ${so.text}${so.complete ? "" : " so far"}` : ""}`;
    }
    classes.toggle("now", nowAt.has(item.i) && !box);
    classes.toggle("holds", box && (nowAt.has(item.i) || getsAt.has(item.i) || givesAt.has(item.i)));
    classes.toggle("gets", getsAt.has(item.i));
    classes.toggle("gives", givesAt.has(item.i));
    item.group.setAttribute("aria-label", label);
  }
  for (const edge of view.edges) {
    const classes = edge.group.classList, only = edge.edges.length === 1 ? edge.edges[0] : -1;
    const there = edge.edges.some((k) => graph.parent[k] < step);
    classes.toggle("pending", !there);
    classes.toggle("now", e >= 0 && edge.edges.includes(e));
    classes.toggle("feeds", now >= 0 && edge.edges.some((k) => graph.parent[k] === now));
    classes.toggle("done", e >= 0 && edge.edges.every((k) => whenBackward[k] >= 0 && whenBackward[k] < step));
    edge.text.textContent = !there ? "" : only >= 0 ? edgeLabel(only) : `${edge.edges.length}×`;
    const wide = edge.text.textContent ? 7.2 * edge.text.textContent.length + 6 : 0;
    edge.behind.setAttribute("x", edge.x - wide / 2);
    edge.behind.setAttribute("width", wide);
  }
  const target = [...(e >= 0 ? getsAt : nowAt)][0];
  if (target !== undefined && view.elements[target]) bring(view.elements[target]);
}

const edgeLabel = (e) => (isNumber(raw.partial[e]) && graph.flows(e) ? short(graph.partial[e], 4) : cut(raw.texts[raw.label[e]], 22));

// How many of the nodes in a box are computed before a step.
function countBelow(k, step) {
  const nodes = inside(k);
  let low = 0, high = nodes.length;
  while (low < high) { const middle = (low + high) >> 1; if (nodes[middle] < step) low = middle + 1; else high = middle; }
  return low;
}

// The neighbour of an element in the direction of an arrow key: the nearest one whose centre lies that way, the next row first.
function neighbour(from, dx, dy) {
  let best = null, least = Infinity;
  const cx = from.x + from.w / 2, cy = from.y + from.h / 2;
  for (const item of view.elements) {
    const x = item.x + item.w / 2 - cx, y = item.y + item.h / 2 - cy, along = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (along > 1 && aside <= 2 * along && along + aside / 2 < least) { least = along + aside / 2; best = item; }
  }
  return best;
}

function focusElement(item) {
  view.elements[view.focus]?.group.setAttribute("tabindex", "-1");
  view.focus = item.i;
  item.group.setAttribute("tabindex", "0");
  item.group.focus();
}
