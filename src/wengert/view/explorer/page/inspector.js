// What is selected: a node with its value, derivative and contributions, an edge with its partial, or two nodes with their paths.

const selection = { first: null, second: null, edge: null };
const SHOWN = 40; // contributions that are listed of one node

function link(i) {
  return make("button", { type: "button", class: "link", onclick: () => goToNode(i) }, graph.symbol[i]);
}

function showNode(i) {
  const row = (name, ...content) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, ...content));
  const place = graph.place(i), a = graph.array("value", i), d = graph.array("adjoint", i), facts = make("table", { class: "facts" });
  facts.append(row("value", make("span", { id: "node-value" }, valueText("value", i, true))));
  if (graph.hasAdjoint(i)) facts.append(row(ofL(i), make("span", { id: "node-adjoint" }, valueText("adjoint", i, true))));
  facts.append(row("operation", graph.operation(i) || "none: an input"));
  if (graph.formula(i)) facts.append(row("formula", graph.formula(i) + (formulaInNumbers(i) ? ` = ${formulaInNumbers(i)}` : "")));
  if (place) {
    const [file, line, , , within, expression] = place;
    facts.append(row("code", make("code", {}, expression)), row("line", `${raw.sources[file].file}:${line} in ${within}`));
  }
  facts.append(row("shape", `${graph.shape(i)} ${graph.dtype(i)}`));
  const bad = [["value", "value"], ["adjoint", "derivative"]].filter(([column]) => !isFinite_(column, i)).map(([, word]) => word);
  const parts = [make("h2", {}, make("span", { class: "name" }, graph.symbol[i]))];
  if (bad.length) parts.push(make("p", { class: "warn" }, `Not finite: its ${bad.join(" and its ")}.`));
  parts.push(facts);
  if (a) parts.push(make("h3", {}, "Value"), viewer(a, graph.symbol[i]));
  if (d) parts.push(make("h3", {}, `Derivative ${ofL(i)}`), viewer(d, ofL(i)));
  parts.push(...contributions(i), ...operands(i));
  parts.push(make("p", { class: "note" }, "Shift-click another node (or Shift+Enter on it) to see all paths between the two."));
  return parts;
}

// Everything that reaches a node on the way back, and its sum.
function contributions(i) {
  const uses = Array.from(graph.usesOf(i)).reverse();
  if (!uses.length) return i === graph.root && graph.hasAdjoints ? [make("h3", {}, "Where the derivative comes from"), make("p", { class: "sum" }, `${ofL(i)} = 1: the sweep starts here`)] : [];
  const list = make("ul", { class: "terms", id: "contributions" });
  for (const e of uses.slice(0, SHOWN)) list.append(edgeItem(e, graph.parent[e]));
  const parts = [make("h3", {}, graph.hasAdjoints ? "What it receives on the way back" : "Where it is used"), list];
  if (uses.length > SHOWN) parts.push(make("p", { class: "note" }, `… and ${counted(uses.length - SHOWN, "more use")}; the sum is over all.`));
  if (graph.hasAdjoint(i)) {
    const numbers = uses.filter((e) => isNumber(raw.brought[e]) && graph.flows(e)).map((e) => graph.brought[e]);
    const terms = numbers.length > 1 && numbers.length <= 8 && isNumber(raw.adjoint[i]) ? ` = ${numbers.map((x, k) => (k ? grouped(short(x)) : short(x))).join(" + ")}` : "";
    parts.push(make("p", { class: "sum", id: "node-sum" }, `${ofL(i)}${terms} = ${valueText("adjoint", i, true)}`));
  }
  return parts;
}

function edgeItem(e, end) {
  const rule = chainRule(e), item = make("li", { "data-edge": e });
  if (!graph.flows(e)) { item.append(make("span", { class: "why" }, `through `, link(end)), "no derivative flows along this edge"); return item; }
  const first = graph.hasAdjoints ? rule.symbols : alongEdge(e);
  item.append(make("span", { class: "why" }, end === graph.parent[e] ? "through " : "to ", link(end), ` · ${rule.rule}`));
  item.append(first);
  const after = rule.numbers || (isNumber(raw.partial[e]) && !graph.hasAdjoints ? short(graph.partial[e]) : "");
  if (rule.term !== first && graph.hasAdjoints) item.append(make("br"), `= ${rule.term}`);
  if (after) item.append(make("br"), `= ${after}`);
  const partial = partialView(e);
  if (partial) item.append(partial);
  return item;
}

// The partial along an edge as an array, a Jacobian or a pattern, made when it is opened.
function partialView(e) {
  if (isNumber(raw.partial[e])) return null;
  const details = make("details", {}, make("summary", {}, `${alongEdge(e)}: ${raw.texts[raw.label[e]]}`));
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    const a = graph.entrywise(e), map = graph.map(e), brought = graph.array("brought", e);
    if (a) details.append(make("p", { class: "note" }, "Entry by entry: each entry is multiplied by"), viewer(a, alongEdge(e)));
    if (map) {
      details.append(make("p", { class: "note" }, `The linear map “${map.label}”, from ${shapeText(map.in)} to ${shapeText(map.out)}`));
      if (map.dense !== undefined) details.append(make("p", { class: "note" }, "Its Jacobian, outputs down, inputs across:"), viewer(arrayOf(map.dense), alongEdge(e)));
      if (map.pattern && map.pattern.shape.every(Boolean)) details.append(patternView(map.pattern, alongEdge(e)));
      if (map.note) details.append(make("p", { class: "note" }, `Left out: ${map.note}.`));
    }
    if (brought) details.append(make("p", { class: "note" }, `What this edge adds to ${ofL(graph.child[e])}:`), viewer(brought, `contribution`));
  });
  return details;
}

function operands(i) {
  const edges = graph.edgesOf(i);
  if (!edges.length) return [];
  const list = make("ul", { class: "terms", id: "operands" });
  for (const e of edges.slice(0, SHOWN)) {
    const c = graph.child[e], item = make("li", {}, link(c), ` = ${valueText("value", c)}`);
    if (graph.flows(e)) item.append(make("br"), `${alongEdge(e)} = ${isNumber(raw.partial[e]) ? short(graph.partial[e]) : raw.texts[raw.label[e]]}`);
    list.append(item);
  }
  return [make("h3", {}, "Computed from"), list];
}

function showSelection() {
  const box = byId("inspector");
  markPath(new Set());
  if (selection.second !== null) showPaths(selection.first, selection.second);
  else if (selection.first !== null) box.replaceChildren(...showNode(selection.first));
  else if (selection.edge !== null) {
    const e = selection.edge;
    box.replaceChildren(make("h2", {}, `${alongEdge(e)}`), make("ul", { class: "terms" }, edgeItem(e, graph.child[e])), make("p", {}, "from ", link(graph.parent[e]), " to ", link(graph.child[e])));
    box.querySelector("details")?.setAttribute("open", "");
    markPath(new Set([e]));
  } else box.replaceChildren(...overview());
  for (const item of view.elements) {
    const chosen = item.kind !== "box" && item.ref === selection.first, second = item.kind !== "box" && item.ref === selection.second;
    item.group.classList.toggle("selected", chosen);
    item.group.classList.toggle("second", second);
    item.group.setAttribute("aria-pressed", chosen || second);
  }
  byId("told").textContent = toldOfSelection();
  if (window.parent !== window) {
    const nodes = [selection.first, selection.second].filter((i) => i !== null);
    window.parent.postMessage({ wengert: "selection", nodes, step: player.step }, "*");
  }
}

// What is selected, in words, for people who hear the page.
function toldOfSelection() {
  const { first, second, edge } = selection;
  if (second !== null) return `${byId("inspector").querySelector("h2").textContent}: ${byId("path-count")?.textContent ?? "none"}. ${byId("path-sum")?.textContent ?? ""}`;
  if (first !== null) {
    const uses = graph.usesOf(first).length;
    return `Selected ${graph.symbol[first]} = ${valueText("value", first)}${graph.hasAdjoint(first) ? `, ${ofL(first)} = ${valueText("adjoint", first)}` : ""}, used ${counted(uses, "time")}.`;
  }
  return edge === null ? "" : `Selected the edge ${alongEdge(edge)}`;
}

// What is shown while nothing is selected: the result, its inputs and their derivatives, and what is not finite.
function overview() {
  const list = make("ul", { class: "terms" }), inputs = [];
  for (let i = 0; i < graph.count; i++) if (!graph.operation(i) && i !== graph.root) inputs.push(i);
  for (const i of inputs.slice(0, SHOWN)) {
    const item = make("li", {}, link(i), ` = ${valueText("value", i)}`);
    if (graph.hasAdjoint(i)) item.append(make("br"), `${ofL(i)} = ${valueText("adjoint", i)}`);
    list.append(item);
  }
  const parts = [make("h2", {}, `${L} = ${valueText("value", graph.root, true)}`), make("p", { class: "muted" }, `${counted(graph.count, "node")}, ${counted(graph.edges, "edge")}`)];
  if (!graph.hasAdjoints) parts.push(make("p", { class: "note" }, `${L} is not one real number, so there is no single derivative to carry backward: the edges show their partials. Reduce it (np.sum, np.mean) for a backward pass.`));
  if (inputs.length) parts.push(make("h3", {}, inputs.length > SHOWN ? `Inputs (${SHOWN} of ${inputs.length})` : "Inputs"), list);
  const bad = notFinite(6);
  if (bad.length) parts.push(make("h3", {}, "Not finite"), make("ul", { class: "terms" }, ...bad.map((i) => make("li", {}, link(i), ` = ${valueText("value", i)}`, graph.hasAdjoint(i) ? `, ${ofL(i)} = ${valueText("adjoint", i)}` : ""))));
  if (!raw.places.length) parts.push(make("p", { class: "note" }, "Source lines are shown when the function itself is given, wengert.explore(f, *args), and its file can be read."));
  return parts;
}
function notFinite(most) {
  const found = [];
  for (let i = 0; i < graph.count && found.length < most; i++) if (!isFinite_("value", i) || !isFinite_("adjoint", i)) found.push(i);
  return found;
}
