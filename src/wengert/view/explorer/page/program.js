// The operations that the page itself can run on single float64 numbers: for each its value and its partials, as functions of the
// operands x, y and of the result. The conventions at ties and kinks are those of docs/conventions. A row's name is NumPy's.

const LN2 = Math.LN2, LN10 = Math.LN10;
const signbit = (x) => x < 0 || Object.is(x, -0);
const modulo = (x, y) => { const r = x % y; return r !== 0 && r < 0 !== y < 0 ? r + y : r; };
const floored = (x, y) => { // not the floor of x / y, which may have been rounded up to the next integer
  if (y === 0) return x / y;
  const rest = x % y, quotient = (x - rest) / y - (rest !== 0 && rest < 0 !== y < 0 ? 1 : 0), below = Math.floor(quotient);
  return quotient - below > 0.5 ? below + 1 : below;
};
const rounded = (x) => { const r = Math.round(x); return Math.abs(x % 1) === 0.5 && r % 2 ? r - 1 : r; };
const sign = (x) => (x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : NaN);
const chosen = (out, one, other) => {
  const first = out === one || (out !== out && one !== one), second = out === other || (out !== out && other !== other);
  return first ? (second ? 0.5 : 1) : 0;
};
const overOrigin = (numerator, x, y) => { const d = Math.hypot(x, y); return d === 0 ? 0 : numerator / d / d; };
const ofHypot = (out, x) => (out === 0 ? 0 : x / out);
const larger = (x, y) => (x !== x || y !== y ? NaN : Math.max(x, y));
const smaller = (x, y) => (x !== x || y !== y ? NaN : Math.min(x, y));
const known = (choose) => (x, y) => (x !== x ? y : y !== y ? x : choose(x, y));
const logaddexp = (x, y) => (x === y ? x + LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y))));
const share = (of, other) => 1 / (1 + Math.exp(Math.abs(of) === Infinity && of === other ? 0 : other - of));
const power = (x, y) => (y === 2 ? x * x : x === 1 ? 1 : x === -1 && Math.abs(y) === Infinity ? 1 : Math.pow(x, y));
const ofBase = (x, y) => (y === 0 ? 0 : y === 2 ? 2 * x : y * power(x, y - 1));
const ofExponent = (x, y, out) => (x > 0 ? out * Math.log(x) : x === x ? (x === 0 && y < 0 ? -Infinity : 0) : NaN);

const OPERATIONS = {
  add: [(x, y) => x + y, () => 1, () => 1],
  subtract: [(x, y) => x - y, () => 1, () => -1],
  multiply: [(x, y) => x * y, (x, y) => y, (x) => x],
  divide: [(x, y) => x / y, (x, y) => 1 / y, (x, y, out) => -out / y],
  negative: [(x) => -x, () => -1],
  positive: [(x) => x, () => 1],
  reciprocal: [(x) => 1 / x, (x, y, out) => -out * out],
  square: [(x) => x * x, (x) => 2 * x],
  power: [power, ofBase, ofExponent],
  float_power: [power, ofBase, ofExponent],
  remainder: [modulo, () => 1, (x, y) => -floored(x, y)],
  fmod: [(x, y) => x % y, () => 1, (x, y) => -Math.trunc(x / y)],
  floor_divide: [floored, null, null],
  sqrt: [Math.sqrt, (x, y, out) => 1 / (2 * out)],
  cbrt: [Math.cbrt, (x, y, out) => 1 / (3 * out * out)],
  exp: [Math.exp, (x, y, out) => out],
  exp2: [(x) => Math.pow(2, x), (x, y, out) => out * LN2],
  expm1: [Math.expm1, (x) => Math.exp(x)],
  log: [Math.log, (x) => 1 / x],
  log2: [Math.log2, (x) => 1 / (x * LN2)],
  log10: [Math.log10, (x) => 1 / (x * LN10)],
  log1p: [Math.log1p, (x) => 1 / (1 + x)],
  logaddexp: [logaddexp, (x, y) => share(x, y), (x, y) => share(y, x)],
  sin: [Math.sin, (x) => Math.cos(x)],
  cos: [Math.cos, (x) => -Math.sin(x)],
  tan: [Math.tan, (x, y, out) => 1 + out * out],
  arcsin: [Math.asin, (x) => 1 / Math.sqrt(1 - x * x)],
  arccos: [Math.acos, (x) => -1 / Math.sqrt(1 - x * x)],
  arctan: [Math.atan, (x) => 1 / (1 + x * x)],
  sinh: [Math.sinh, (x) => Math.cosh(x)],
  cosh: [Math.cosh, (x) => Math.sinh(x)],
  tanh: [Math.tanh, (x, y, out) => 1 - out * out],
  arcsinh: [Math.asinh, (x) => 1 / Math.sqrt(1 + x * x)],
  arccosh: [Math.acosh, (x) => 1 / (Math.sqrt(x - 1) * Math.sqrt(x + 1))],
  arctanh: [Math.atanh, (x) => 1 / (1 - x * x)],
  degrees: [(x) => x * (180 / Math.PI), () => 180 / Math.PI],
  rad2deg: [(x) => x * (180 / Math.PI), () => 180 / Math.PI],
  radians: [(x) => x * (Math.PI / 180), () => Math.PI / 180],
  deg2rad: [(x) => x * (Math.PI / 180), () => Math.PI / 180],
  arctan2: [Math.atan2, (x, y) => overOrigin(y, y, x), (x, y) => -overOrigin(x, y, x)],
  hypot: [Math.hypot, (x, y, out) => ofHypot(out, x), (x, y, out) => ofHypot(out, y)],
  absolute: [Math.abs, sign],
  fabs: [Math.abs, sign],
  copysign: [(x, y) => (signbit(y) ? -Math.abs(x) : Math.abs(x)), (x, y) => sign(x) * (signbit(y) ? -1 : 1), null],
  maximum: [larger, (x, y, out) => chosen(out, x, y), (x, y, out) => chosen(out, y, x)],
  minimum: [smaller, (x, y, out) => chosen(out, x, y), (x, y, out) => chosen(out, y, x)],
  fmax: [known(Math.max), (x, y, out) => chosen(out, x, y), (x, y, out) => chosen(out, y, x)],
  fmin: [known(Math.min), (x, y, out) => chosen(out, x, y), (x, y, out) => chosen(out, y, x)],
  floor: [Math.floor, null],
  ceil: [Math.ceil, null],
  rint: [rounded, null],
  trunc: [Math.trunc, null],
};

// A product in which an exact zero wins: a term that has no influence brings nothing, even through an infinite slope.
const strong = (x, y) => (x === 0 || y === 0 ? 0 : x * y);

// Run the program: values forward, then adjoints, partials and contributions in reverse, written into the graph's own arrays.
function runProgram(graph, inputs) {
  const { operands, constants } = graph.program;
  const take = (i) => (i < 0 ? constants[-i - 1] : graph.value[i]);
  for (let i = 0; i < graph.count; i++) {
    if (!graph.operation(i)) { if (inputs.has(i)) graph.value[i] = inputs.get(i); continue; }
    const [x, y] = operands[i];
    graph.value[i] = OPERATIONS[graph.operation(i)][0](take(x), y === undefined ? undefined : take(y));
  }
  graph.adjoint.fill(0);
  if (graph.hasAdjoints) graph.adjoint[graph.root] = 1;
  for (let i = graph.count - 1; i >= 0; i--) {
    if (!graph.operation(i)) continue;
    const [x, y] = operands[i], row = OPERATIONS[graph.operation(i)];
    for (let e = graph.firstEdge[i]; e < graph.firstEdge[i + 1]; e++) {
      const partial = row[1 + graph.position[e]];
      if (!partial) continue;
      graph.partial[e] = partial(take(x), y === undefined ? undefined : take(y), graph.value[i]);
      graph.brought[e] = strong(graph.adjoint[i], graph.partial[e]);
      graph.adjoint[graph.child[e]] += graph.brought[e];
    }
  }
}
