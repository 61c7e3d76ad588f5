"""Every formula of the table of rules, as a derivation shows it, is what the primitive's own edge computes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from wengert import Variable, expression, gradients
from wengert.core.linear import put, unbroadcast
from wengert.core.registry import primitives
from wengert.ops import elementwise
from wengert.view.derivations.derivation import Lines
from wengert.view.derivations.notation import Derivative, Number, Symbol
from wengert.view.derivations.rules import FREE, OPERANDS, REAL, RULES, parsed, rule_for
from wengert.view.derivations.terms import dims, given, plain, shapes_of

X2, Y2 = np.array([[1.5, -0.5], [0.7, 2.0]]), np.array([[0.3, 1.2], [-1.1, 0.4]])
POSITIVE, OTHER = np.array([0.6, 1.3, 2.2]), np.array([1.9, 0.8, 0.5])
SMALL, TIES = np.array([-0.4, 0.3, 0.7]), np.array([0.6, 0.8, 3.0])
STACK = np.stack([X2, Y2, X2 - Y2])
SYMMETRIC = X2 @ X2.T
MASK = np.array([True, False, True])
UFUNCS = {p.name for p in vars(elementwise).values() if getattr(p, "name", None) in primitives}


def written(x, value):
    y = np.copy(x)
    y[:2] = value
    return y


def along_an_axis(function):
    return [(lambda x: function(x, axis=1, keepdims=True), X2)]


# name -> (a function, its arguments): the calls that use its rows
CALLS = {
    **{name: [(getattr(np, name), SMALL)] for name in UFUNCS if getattr(np, name).nin == 1},
    **{
        name: [(getattr(np, name), POSITIVE, OTHER), (getattr(np, name), POSITIVE, TIES), (getattr(np, name), X2, 1.7)]
        for name in UFUNCS
        if getattr(np, name).nin == 2
    },
    **{name: [(getattr(np, name), POSITIVE)] for name in ("sqrt", "cbrt", "log", "log2", "log10", "reciprocal")},
    **{name: [(getattr(np, name), POSITIVE, OTHER)] for name in ("power", "float_power", "copysign")},
    "arccosh": [(np.arccosh, 1 + POSITIVE)],
    "ldexp": [(lambda x: np.ldexp(x, np.array([1, 2, 3])), SMALL)],
    "modf": [(lambda x: np.modf(x)[0], POSITIVE)],
    "frexp": [(lambda x: np.frexp(x)[0], POSITIVE)],
    "divmod": [(lambda x, y: np.divmod(x, y)[1], POSITIVE, OTHER)],
    "sign": [(np.sign, SMALL)],
    "round": [(lambda x: np.round(x, 1), SMALL)],
    "where": [(lambda x, y: np.where(MASK, x, y), SMALL, OTHER), (lambda x, y: np.where(MASK, x, y), SMALL, 2.0)],
    "matmul": [
        (np.matmul, SMALL, OTHER),
        (np.matmul, X2, Y2),
        (np.matmul, X2[0], Y2),
        (np.matmul, X2, Y2[0]),
        (np.matmul, STACK, 2 * STACK),
        (np.matmul, STACK, Y2),
    ],
    "einsum": [
        (lambda x: np.einsum("ij->ji", x), X2),
        (lambda x, y: np.einsum("ij,jk", x, y), X2, Y2),
        (lambda x, y: np.einsum("ij,ij->i", x, y), X2, Y2),
        (lambda x, y, z: np.einsum("i,ij,j->i", x, y, z), X2[0], Y2, X2[1]),
        (lambda x, y: np.einsum("ij,jk->ik", x, y), X2 + 0.5j * Y2, Y2),
    ],
    "diagonal": [(np.diagonal, X2), (lambda x: np.diagonal(x, 0, 1, 0), X2)],
    "fft.fft": [(np.fft.fft, SMALL), (np.fft.fft, SMALL + 1j * OTHER)],
    "fft.ifft": [(np.fft.ifft, SMALL), (np.fft.ifft, SMALL + 1j * OTHER)],
    "dot": [
        *[(np.dot, SMALL, OTHER), (np.dot, X2, Y2), (np.dot, X2[0], Y2), (np.dot, X2, Y2[0])],
        *[(np.dot, np.float64(2), np.float64(3)), (np.dot, 2.0, OTHER), (np.dot, OTHER, 2.0)],
    ],
    "vdot": [(np.vdot, SMALL, OTHER)],
    "vecdot": [(np.vecdot, SMALL, OTHER)],
    **{
        name: [(getattr(np, name), X2), *along_an_axis(getattr(np, name))]
        for name in ("sum", "mean", "prod", "var", "std")
    },
    "max": [(np.max, X2), (np.max, np.array([1.0, 3.0, 3.0])), *along_an_axis(np.max)],
    "min": [(np.min, X2), (np.min, np.array([1.0, 1.0, 3.0])), *along_an_axis(np.min)],
    "linalg.norm": [(np.linalg.norm, SMALL), (np.linalg.norm, X2)],
    "cumsum": [(np.cumsum, SMALL)],
    "scipy.special.expit": [(scipy.special.expit, SMALL)],
    "scipy.special.erf": [(scipy.special.erf, SMALL)],
    "reshape": [(lambda x: np.reshape(x, (4,)), X2)],
    "transpose": [(np.transpose, X2), (lambda x: np.transpose(x, (1, 2, 0)), np.arange(24.0).reshape(2, 3, 4))],
    "getitem": [(lambda x: x[1], SMALL), (lambda x: x[:, 0], X2), (lambda x: x[np.array([0, 0, 2])], SMALL)],
    "setitem": [(written, SMALL, 2.0), (written, SMALL, OTHER[:2])],
    "concatenate": [(lambda x, y: np.concatenate([x, y]), SMALL, X2[0])],
    "stack": [(lambda x, y: np.stack([x, y], axis=1), SMALL, OTHER)],
    "broadcast_to": [(lambda x: np.broadcast_to(x, (2, 3)), SMALL)],
    "copy": [(np.copy, SMALL)],
    "astype": [(lambda x: x.astype(np.float32), SMALL)],
    "linalg.inv": [(np.linalg.inv, X2)],
    "linalg.cholesky": [(np.linalg.cholesky, SYMMETRIC)],
    "linalg.solve": [(np.linalg.solve, X2, Y2), (np.linalg.solve, X2, Y2[0])],
    "linalg.det": [(np.linalg.det, X2)],
    "linalg.slogdet": [(lambda x: np.linalg.slogdet(x)[1], X2)],
    "linalg.eigh": [(lambda x: np.linalg.eigh(x)[0], SYMMETRIC)],
}
Z, Z2, V = POSITIVE + 0.3j * SMALL, X2 + 0.5j * Y2, OTHER - 0.7j
for _name in UFUNCS - REAL:
    _ufunc = getattr(np, _name)
    if "D->D" in _ufunc.types or "D->d" in _ufunc.types:
        CALLS[_name].append((_ufunc, Z))
    elif "DD->D" in _ufunc.types:
        CALLS[_name] += [(_ufunc, Z, V), (_ufunc, Z, OTHER), (_ufunc, OTHER, Z)]
for _name, _ufunc in (("matmul", np.matmul), ("dot", np.dot), ("linalg.solve", np.linalg.solve)):
    CALLS[_name] += [(_ufunc, Z2, Y2), (_ufunc, X2, Z2[0])]
CALLS["matmul"] += [(np.matmul, Z2[0], X2), (np.matmul, Z, V)]
for _name in ("linalg.inv", "linalg.det", "linalg.norm", "sum", "mean", "prod", "var", "std", "transpose"):
    CALLS[_name].append((CALLS[_name][0][0], Z2))
CALLS |= {name: [(getattr(np, name), Z)] for name in ("real", "imag", "conjugate")}
CALLS["where"].append((lambda x, y: np.where(MASK, x, y), Z, OTHER))
CALLS["getitem"].append((lambda x: x[1:], Z))
CALLS["concatenate"].append((lambda x, y: np.concatenate([x, y]), Z, OTHER))
CASES = [(name, i) for name in RULES for i in range(len(CALLS.get(name, ())))]


def test_every_elementwise_primitive_has_a_row():
    assert UFUNCS - set(RULES) == set()


def test_every_row_is_of_a_primitive_and_used_by_a_call():
    unused = {name: [row for row in rows if row not in used_rows(name)] for name, rows in RULES.items()}
    assert {name: rows for name, rows in unused.items() if rows and name != "pinned"} == {}
    assert set(RULES) - set(primitives) == {"pinned"}


def test_formulas_use_only_names_that_are_explained():
    import ast

    for name, rows in RULES.items():
        for row in rows:
            for formula in filter(None, row.pulls):
                tree = parsed(formula)
                called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)}
                names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called
                assert {n.rstrip("01") for n in names} <= {*OPERANDS, "out", "g", *FREE}, name


def lines_of(function, args, seed=0):
    """The derivation's lines for a random combination of what the function returns, and its node."""
    leaves = [Variable(arg).set_name(f"arg{i}") for i, arg in enumerate(args)]
    out = function(*leaves)
    weights = np.random.default_rng(seed).uniform(0.5, 2, out.shape)
    if np.iscomplexobj(out.val):
        weights = weights * (0.6 + 0.8j)
    total = weights * out
    return Lines(np.sum(np.real(total) if np.iscomplexobj(out.val) else total), leaves, []), out.node, leaves


def row_of(node):
    return rule_for(node._primitive.name, shapes_of(node), given(node._params))


def applied(node):
    return node._args[0] if node._primitive.name == "output" else node


def used_rows(name):
    return [row_of(applied(lines_of(*call[:1], call[1:])[1])) for call in CALLS.get(name, ())]


def evaluate(contribution, lines, node, child):
    """The formula of a contribution, as it is shown, computed by the evaluator of typed expressions."""
    values = {lines.names[id(node)]: plain(node) for node in lines.nodes}
    held = [arg for each in lines.nodes for arg in each._args if id(arg) in lines.names and dims(arg) > 0]
    values |= {lines.names[id(arg)]: arg for arg in held}
    slopes = {lines.names[id(node)]: lines.gradients[node] for node in lines.nodes if node in lines.gradients}

    def value_of(term):
        match term:
            case Symbol(name="𝟏", shape=shape):
                return np.ones(shape)
            case Symbol(name=name):
                return plain(values[name])
            case Derivative(by=by):
                return slopes[by.name]
            case Number(value=value):
                return value
        if term.text == "ties":
            return np.sum(plain(child) == plain(node), axis=node._params.get("axis"), keepdims=True)
        if term.text == "π" or term.text.startswith(("axis", "axes")):
            return np.pi
        if term.text == "i":
            return 1j
        if "(…)" in term.text:
            return plain(node)[int(term.text[-2])]
        if term.text.startswith("mean("):
            return np.mean(plain(child), axis=node._params.get("axis"), keepdims=True)
        return eval(f"np.s_[{term.text}]", {"np": np})

    environment = {key: value_of(term) for key, term in contribution.formula.terms.items()}
    return expression.evaluate(contribution.formula.tree, environment)


@pytest.fixture
def functions(monkeypatch):
    """What a derivation has words for and NumPy has no function."""

    def arrange(child):
        def cleared(g, index):
            g = np.array(g)
            g[index] = 0
            return g

        extra = {
            "place": lambda g, index, shape: put(g, shape, index, False),
            "cleared": cleared,
            "flip": np.flip,
            "mT": np.matrix_transpose,
            "einsum": np.einsum,
            "sym": lambda a: (a + np.conj(a.T)) / 2,
            "Phi": lambda a: np.tril(a) - np.diag(np.diagonal(a)) / 2,
            "fft": np.fft.fft,
            "ifft": np.fft.ifft,
            "total": lambda value, axes=None: unbroadcast(np.asarray(value), np.shape(plain(child))),
        }
        monkeypatch.setattr(expression, "FUNCTIONS", expression.FUNCTIONS | extra)

    return arrange


@pytest.mark.parametrize(("name", "i"), CASES)
def test_the_formula_is_the_edge(name, i, functions):
    function, *args = CALLS[name][i]
    lines, node, _ = lines_of(function, args)
    row = row_of(applied(node))
    assert row in RULES[name]
    node = applied(node)
    children = dict.fromkeys(node._children)
    assert children
    for child in children:
        found = lines.contributions(node, child)
        if not found:
            assert None in row.pulls and child not in lines.gradients
            continue
        (contribution,) = found
        assert not contribution.rule.startswith("chain rule, derivative"), "the generic form"
        functions(child)
        np.testing.assert_allclose(
            np.broadcast_to(evaluate(contribution, lines, node, child), np.shape(plain(child))),
            lines.gradients[child],
            rtol=1e-6 if name == "astype" else 1e-12,
            atol=1e-13,
        )


def test_a_wrong_formula_would_be_found(functions, monkeypatch):
    (right,) = RULES["sin"]
    monkeypatch.setitem(RULES, "sin", [right._replace(pulls=("g * sin(x)",))])
    with pytest.raises(AssertionError):
        test_the_formula_is_the_edge("sin", 0, functions)


def test_gradients_are_the_sweeps():
    lines, _, leaves = lines_of(np.multiply, (POSITIVE, OTHER))
    np.testing.assert_array_equal(lines.gradients[leaves[0]], gradients(lines.root)[leaves[0]])
