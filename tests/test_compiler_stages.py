"""The stages of the compiler one by one: what each makes of a small program, by what it prints or by NumPy's values."""

from __future__ import annotations

import re

import numpy as np
import pytest
from program_values import values

import wengert

pytest.importorskip("llvmlite")

from vectormath_machine import foreign_machine, optimised

from wengert.compiler.codegen.body import Machine
from wengert.compiler.codegen.module import Module
from wengert.compiler.planning.fusion import Planner
from wengert.compiler.planning.plan import Nest, Product, Scatter, contiguous, reshaped_strides
from wengert.compiler.planning.products import lowered
from wengert.compiler.programs import boxes
from wengert.compiler.programs.program import Instruction, Program
from wengert.compiler.programs.simplify import Simplifier, simplify
from wengert.compiler.running import native

F8, I8 = np.dtype(float), np.dtype(np.int64)


def argument(shape, i=0, dtype=F8):
    return Instruction("argument", (), shape, dtype, (i, f"x{i}"))


def compiled(f, *args):
    made = wengert.compile(f, threads=1)
    made(*args)
    (variant,) = next(iter(made.variants.values()))
    return variant


def traced(f, *args):
    return compiled(f, *args).program


def simplified(f, *args):
    return compiled(f, *args).executable.plan.program


def operations(program):
    return sorted(x.op for x in program if x.op not in ("argument", "constant", "external"))


x3, x4, m34, m44 = np.arange(3.0), np.arange(4.0), np.arange(12.0).reshape(3, 4), np.arange(16.0).reshape(4, 4)

# -- trace ------------------------------------------------------------------------------------------------------------


def test_a_trace_is_the_list_of_operations_with_the_users_lines():
    def f(x):
        y = np.sin(x)
        return y * 2 + x

    text = str(traced(f, x3))
    assert re.findall(r"float64\[3\] +(\w+)", text) == ["argument", "sin", "multiply", "add"]
    line = f.__code__.co_firstlineno
    assert f"test_compiler_stages.py:{line + 1}" in text
    assert f"test_compiler_stages.py:{line + 2}" in text


def test_what_python_looks_at_is_guarded():
    program = traced(lambda x: x if np.sum(x) > 1 else -x, x3)
    (guard,) = program.guards
    assert guard.expected
    assert guard.condition.op == "greater"


def test_the_same_question_is_guarded_once():
    def f(x):
        big = x[0] > -1
        return x if big and big else -x

    assert len(traced(f, x3).guards) == 1


# -- simplify ---------------------------------------------------------------------------------------------------------

SIMPLER = [
    (lambda x: x * 1 + 0, []),
    (lambda x: -(-x), []),
    (lambda x: x**2, ["multiply"]),
    (lambda x: x + (-x[::-1]), ["slice", "subtract"]),
    (lambda x: np.exp(x) + np.exp(x), ["add", "exp"]),
    (lambda x: (x * 2) * 4, ["multiply"]),
    (lambda x: x.T.T, []),
    (lambda x: np.reshape(np.reshape(x, (4, 1)), (1, 4)), ["reshape"]),
    (lambda x: x[1:][1:], ["slice"]),
    (lambda x: np.where(np.ones(4, bool), x, np.inf), []),
    (lambda x: np.concatenate([x, x])[:4] * 2, ["multiply"]),
    (lambda x: np.sum(np.reshape(x, (2, 2))), ["reduce"]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "expected"), SIMPLER)
def test_simplified(f, expected):
    assert operations(simplified(f, x4)) == expected


def test_a_product_with_zero_stays():
    """It is nan where the other factor is not finite."""
    assert "multiply" in operations(simplified(lambda x: x * 0.0, x4))


def written(x):
    y = np.zeros_like(x)
    y[1:3] = x[:2]
    y[2] = 7 * x[0]
    return y + 1


@pytest.mark.parametrize(
    "f",
    [
        written,
        lambda x: np.concatenate([x, 2 * x, x[::-1]])[3:9],
        lambda x: np.stack([x, x**2], axis=1)[:, ::-1].T,
        lambda x: np.einsum("i,j->ji", x, x + 1).sum(axis=0),
        lambda x: np.diff(np.cumsum(x) ** 2) * np.std(x),
        lambda x: np.linalg.norm(x) + np.var(x[:3]),
    ],
)
def test_every_stage_computes_the_same(f):
    variant = compiled(f, x4)
    before, after = variant.program, variant.executable.plan.program
    for program in (before, after):
        (result,) = program.results
        found = values(program, [x4], variant.executable.externals)[id(result)]
        np.testing.assert_allclose(found, f(x4), rtol=1e-13)


# -- boxes ------------------------------------------------------------------------------------------------------------


def covered(shape, found):
    count = np.zeros(shape, int)
    for corner, lengths in found:
        count[tuple(slice(c, c + n) for c, n in zip(corner, lengths, strict=True))] += 1
    return count


@pytest.mark.parametrize("hole", [((1, 1), (2, 1)), ((0, 0), (4, 4)), ((3, 0), (4, 2)), ((9, 9), (1, 1))])
def test_a_box_without_another(hole):
    box = ((0, 0), (4, 4))
    expected = np.ones((4, 4), int) - covered((12, 12), [hole])[:4, :4]
    assert (covered((4, 4), boxes.without(box, hole)) == expected).all()


def test_the_complement_covers_the_rest_once():
    taken = [((0, 1), (2, 2)), ((2, 0), (1, 4))]
    assert (covered((4, 4), boxes.complement((4, 4), taken)) + covered((4, 4), taken) == 1).all()


def test_a_slice_of_pieces_needs_no_memory():
    s, a, b = Simplifier(), argument((3,)), argument((2,), 1)
    whole = s.make("concatenate", (a, b), (5,), F8, (0,))
    assert whole.op == "pieces"
    assert s.slice(whole, (3,), (2,)) is b
    part = s.slice(whole, (1,), (2,))
    assert (part.op, part.operands) == ("slice", (a,))


# -- fuse -------------------------------------------------------------------------------------------------------------


def steps(f, *args):
    return compiled(f, *args).executable.plan.steps


def test_value_and_derivative_are_one_loop():
    (nest, _) = [
        step
        for step in steps(wengert.value_and_grad(lambda x: np.sum(np.exp(x) * x)), np.ones(1000))
        if isinstance(step, Nest)
    ]
    assert nest.space == (1000,)
    assert len(nest.roots) == 3  # the sum, the gradient, and the sum that says whether it is finite


def test_a_chain_needs_no_memory_but_its_results():
    plan = compiled(lambda x: np.sin(np.exp(x) + 1) * x, np.ones(100)).executable.plan
    assert plan.workspace == 0


def test_a_dear_value_that_two_loops_read_is_kept():
    def f(x):
        e = np.exp(x)
        return e / np.sum(e)

    kept = compiled(f, np.ones(1000)).executable.plan
    assert sum("exp" in str(root.expression) for step in kept.steps for root in step.roots if root.home) == 1


def test_large_products_are_for_blas_and_small_ones_loops():
    if not native.blas():
        pytest.skip("this NumPy brings no BLAS that can be called by pointer")
    large, small = np.ones((50, 60)), np.ones((3, 4))
    assert any(isinstance(step, Product) for step in steps(lambda a: a @ a.T, large))
    assert not any(isinstance(step, Product) for step in steps(lambda a: a @ a.T, small))


def test_repeated_positions_are_scattered():
    index = np.array([0, 2, 2])
    found = steps(wengert.grad(lambda x, i: np.sum(x[i] ** 2)), x4, index)
    assert any(isinstance(step, Scatter) for step in found)


@pytest.mark.parametrize(
    ("shape", "strides", "new"),
    [
        ((3, 4), (4, 1), (12,)),
        ((12,), (1,), (3, 2, 2)),
        ((3, 4), (1, 3), (12,)),
        ((3, 1, 4), (8, 0, 2), (12,)),
        ((3, 4), (8, 2), (12,)),
        ((2, 3, 4), (12, 4, 1), (6, 4)),
        ((2, 3, 4), (24, 4, 1), (2, 12)),
        ((5,), (-1,), (5, 1)),
    ],
)
def test_strides_of_another_shape_are_numpys(shape, strides, new):
    memory = np.arange(200)
    start = 100
    view = np.lib.stride_tricks.as_strided(memory[start:], shape, [8 * t for t in strides])
    expected = view.reshape(new)
    found = reshaped_strides(shape, strides, new)
    if np.shares_memory(expected, memory):
        again = np.lib.stride_tricks.as_strided(memory[start:], new, [8 * t for t in found])
        assert (again == expected).all()
    else:
        assert found is None


def test_strides_in_order():
    assert contiguous((2, 3, 4)) == (12, 4, 1)


@pytest.mark.parametrize("terms", ["ijb,jkb->ikb", "ijb,jkb->kib", "ijb,jkb->bik", "ijb,bjk->ikb"])
@pytest.mark.parametrize("shared", [2, 4, 5, 30])
def test_a_product_whose_stacks_lie_last_is_loops(terms, shared):
    """BLAS reads matrices whose rows or columns are contiguous; these are neither, and are as long as would pay."""
    sizes = {"i": 90, "j": shared, "k": 90, "b": 3}
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=[sizes[letter] for letter in term]) for term in terms.split("->")[0].split(","))
    f = lambda x, y: np.einsum(terms, x, y)
    variant = compiled(f, x, y)
    assert not any(isinstance(step, Product) for step in variant.executable.plan.steps)
    made = wengert.compile(f)
    for factor in (1, 2):
        np.testing.assert_allclose(made(factor * x, y), f(factor * x, y), rtol=1e-12, atol=1e-12)
    gradient = wengert.grad(lambda x, y: np.sum(f(x, y) ** 2), argnums=(0, 1))
    for found, expected in zip(wengert.compile(gradient)(x, y), gradient(x, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


# -- module -----------------------------------------------------------------------------------------------------------


def module(f, *args):
    program = simplify(traced(f, *args))
    plan = Planner(simplify(lowered(program, native.blas()))).plan()
    return Module(plan, native.host())


def test_nests_that_are_alike_are_one_kernel():
    def f(x):
        for _ in range(20):
            x = x / np.sum(np.exp(x))
        return x

    assert len(module(f, np.ones(50)).kernels) < 8


def test_the_text_is_the_same_in_every_run():
    f = wengert.value_and_grad(lambda x: np.sum(np.tanh(x[1:] * x[:-1]) ** 2) + np.prod(x))
    assert module(f, np.ones(7)).text == module(f, np.ones(7)).text


def test_a_kernel_is_written_in_vectors():
    text = module(lambda x: x * 2 + 1, np.ones(64)).text
    width = native.host().vector_bytes // 8
    assert f"<{width} x double>" in text
    assert "fmul" in text
    assert "fadd" in text


@pytest.mark.parametrize(
    ("triple", "fma"),
    [("aarch64-unknown-linux-gnu", True), ("x86_64-unknown-linux-gnu", False)],
    ids=["aarch64", "x86_64"],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_programs_are_written_for_the_plainest_machines(triple, fma, threads):
    """Entries, columns, reductions, gathers and products: what the assembly calls is in the module, or is the pool's."""
    machine = foreign_machine(triple)
    if machine is None:
        pytest.skip(f"llvmlite was built without {triple}")

    def f(x, y, at):
        z = np.stack([x[:, 0] * np.exp(x[:, 1]), x[:, 2] / x[:, 1]], axis=1)
        return np.sum(np.tanh(z[at]) * y) + np.max(y @ y.T), np.where(z > 1, np.log(z), z), np.cumsum(y[:, 0])

    args = np.ones((40_000, 3)), np.ones((5, 2)), np.arange(5)
    program = simplify(traced(wengert.value_and_grad(lambda *a: f(*a)[0], argnums=(0, 1)), *args))
    plan = Planner(simplify(lowered(program, False))).plan()
    written = Module(plan, Machine(16, fma), threads)
    assert bool(written.runners) == (threads == 2)
    called, labels = set(), set()
    for text in filter(None, [written.text, written.kernel_text]):
        assembly = machine.emit_assembly(optimised(text, machine))
        called |= set(re.findall(r"^\s+(?:bl|callq?)\s+(\S+)", assembly, re.MULTILINE))
        labels |= set(re.findall(r"^(\S+):", assembly, re.MULTILINE))
    libraries = {"wengert_share", "wengert_rest", "memcpy", "memset", "memmove"}
    assert {name.removesuffix("@PLT") for name in called} <= labels | libraries


def test_an_instruction_prints_its_dtype_and_shape():
    assert repr(argument((2, 3))) == "<argument float64[2, 3]>"
    assert str(Program([argument(())], [], [], [])).endswith("return %0")
