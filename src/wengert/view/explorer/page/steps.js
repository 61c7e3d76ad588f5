// The steps: the start, one for each value in the order of execution, the seed of the sweep, then one for each edge on the way back.

const backward = [];
if (graph.hasAdjoints) {
  for (let i = graph.count - 1; i >= 0; i--) {
    for (const e of graph.edgesOf(i)) if (graph.flows(e)) backward.push(e);
  }
}
const whenBackward = new Int32Array(graph.edges).fill(-1); // the step of an edge
backward.forEach((e, k) => { whenBackward[e] = graph.count + 2 + k; });
const SEED = graph.count + 1;
const END = SEED + backward.length; // of the way back
const LAST = graph.hasAdjoints ? END + 1 : graph.count; // after it, the result

const phaseOf = (step) => (step === 0 ? "start" : step <= graph.count ? "forward" : step === SEED ? "seed" : step <= END ? "backward" : "result");
const nodeAt = (step) => (step >= 1 && step <= graph.count ? step - 1 : step === SEED ? graph.root : -1);
const edgeAt = (step) => (step > SEED && step <= END ? backward[step - SEED - 1] : -1);
const isComputed = (i, step) => i < step;

// How many of the contributions to a node have arrived, and of how many.
function arrived(i, step) {
  let done = 0, all = 0;
  for (const e of graph.usesOf(i)) if (whenBackward[e] >= 0) { all++; if (whenBackward[e] <= step) done++; }
  if (i === graph.root) { all++; if (step >= SEED) done++; }
  return { done, all };
}

// A node's adjoint as far as it has been added up: {value} for a number, {array} for an array, null before anything arrived.
function adjointSoFar(i, step) {
  const { done, all } = arrived(i, step);
  if (!done || !graph.hasAdjoint(i)) return null;
  if (done === all) return { complete: true, text: valueText("adjoint", i), full: valueText("adjoint", i, true), array: graph.array("adjoint", i) };
  const come = Array.from(graph.usesOf(i)).filter((e) => whenBackward[e] >= 0 && whenBackward[e] <= step).reverse();
  if (isNumber(raw.adjoint[i])) {
    let sum = i === graph.root ? 1 : 0;
    for (const e of come) sum += graph.brought[e];
    return { complete: false, text: short(sum), full: repr(sum), array: null };
  }
  return { complete: false, text: `${done} of ${all}`, full: `${done} of ${counted(all, "contribution")}`, array: sumOfArrays(come) };
}

function sumOfArrays(edges) {
  const parts = edges.map((e) => graph.array("brought", e));
  if (parts.some((a) => !a || a.complex || a.at)) return null;
  const sum = Float64Array.from(parts[0].data);
  for (const a of parts.slice(1)) for (let k = 0; k < sum.length; k++) sum[k] += a.data[k];
  return madeArray(parts[0].shape, sum);
}

const L = graph.symbol[graph.root];
const ofL = (i) => `∂${L}/∂${graph.symbol[i]}`;
const alongEdge = (e) => `∂${graph.symbol[graph.parent[e]]}/∂${graph.symbol[graph.child[e]]}`;
const entryOf = (column, k) => (isNumber(raw[column][k]) ? short(graph[column][k]) : null);

// The chain rule of an edge: {left, symbols, numbers, rule, term}; `numbers` is '' where arrays meet.
function chainRule(e) {
  const p = graph.parent[e], c = graph.child[e];
  const symbols = `${ofL(p)} · ${alongEdge(e)}`;
  let numbers = "";
  if (isNumber(raw.adjoint[p]) && isNumber(raw.partial[e]) && isNumber(raw.brought[e])) {
    numbers = `${short(graph.adjoint[p])} · ${grouped(short(graph.partial[e]))} = ${short(graph.brought[e])}`;
  }
  return { left: ofL(c), symbols, numbers, term: graph.term(e), rule: graph.rule(e) };
}

// A node's value in terms of its operands with numbers for the symbols: '4 - 1'; '' where one is an array.
const SYMBOL = /[\p{L}_][\p{L}\p{N}_]*/gu;
function formulaInNumbers(i) {
  const formula = graph.formula(i), values = new Map();
  for (const e of graph.edgesOf(i)) {
    const c = graph.child[e];
    if (!graph.isScalar(c)) return "";
    values.set(graph.symbol[c], short(graph.value[c]));
  }
  if (!values.size || values.has(formula)) return "";
  let all = true;
  const written = formula.replace(SYMBOL, (word, at) => {
    const before = formula[at - 1], after = formula[at + word.length];
    if (after === "(") return word; // a function
    if (!values.has(word)) { all = all && !/[₀-₉]$/.test(word); return word; }
    const value = values.get(word);
    return before === "(" && after === ")" ? value : grouped(value);
  });
  return all && written !== formula ? written : "";
}

// What a step says: a sentence for all, and its lines.
function stepText(step) {
  const phase = phaseOf(step);
  if (phase === "start") {
    return { head: "Before anything is computed", lines: [`${counted(graph.count, "value")} will be computed, one at a time. Press → or Play.`] };
  }
  if (phase === "forward") {
    const i = step - 1, formula = graph.formula(i), numbers = formulaInNumbers(i);
    const parts = [graph.symbol[i], ...(formula ? [formula] : []), ...(numbers ? [numbers] : []), valueText("value", i)];
    const what = graph.operation(i) ? `Forward ${step} of ${graph.count}: ${graph.operation(i)}` : `Forward ${step} of ${graph.count}: an input`;
    return { head: what, lines: [parts.join(" = ")] };
  }
  if (phase === "result") {
    const inputs = [];
    for (let i = 0; i < graph.count; i++) if (!graph.operation(i) && graph.hasAdjoint(i) && i !== graph.root) inputs.push(i);
    const single = inputs.filter((i) => isNumber(raw.adjoint[i])), listed = (single.length ? single : inputs).slice(0, 5);
    const shown = listed.map((i) => (single.length ? `${ofL(i)} = ${valueText("adjoint", i)}` : ofL(i))).join(",  ");
    const others = inputs.length - listed.length;
    return { head: "The derivatives are complete. Home goes to the start, Play walks through.", lines: [shown + (others ? ` and ${counted(others, "other")}` : "") || `${L} depends on no input`] };
  }
  if (phase === "seed") return { head: `Backward: the sweep starts at ${L}`, lines: [`${ofL(graph.root)} = 1`] };
  const e = edgeAt(step), c = graph.child[e], rule = chainRule(e), so = adjointSoFar(c, step), { done, all } = arrived(c, step);
  const lines = [`${rule.left} += ${rule.symbols}${rule.numbers ? ` = ${rule.numbers}` : ""}`];
  if (!rule.numbers) lines[0] = `${rule.left} += ${rule.term}`;
  const p = graph.parent[e], wins = rule.numbers && graph.adjoint[p] === 0 && !Number.isFinite(graph.partial[e]);
  const sum = so === null ? "" : all === 1 ? `${rule.left} = ${so.text}` : done === all ? `${rule.left} = ${so.text}, the sum of ${all}` : isNumber(raw.adjoint[c]) ? `${rule.left} = ${so.text} so far, ${done} of ${all}` : `${rule.left}: ${done} of ${all} so far`;
  const zero = wins ? ". An exact zero wins: this path has no influence" : "";
  return { head: `Backward ${step - SEED} of ${backward.length}: ${rule.rule}${zero}`, lines, detail: rule.numbers && rule.term !== rule.symbols ? rule.term : "", sum };
}
