"""Vector functions are held against exact values (mpmath), against NumPy at special values, and against one another at every width."""

from __future__ import annotations

import inspect
import itertools
import platform
import re

import mpmath
import numpy as np
import pytest

llvmlite = pytest.importorskip("llvmlite")

import vectormath_exact as exact  # noqa: E402
from vectormath_machine import foreign_machine, host_machine, loop_text, native, optimised  # noqa: E402

from wengert.compiler.codegen.vectormath import FUNCTIONS, coefficients, declare, derive  # noqa: E402

LIMIT = 4.0  # units in the last place
DTYPES = [np.float64, np.float32]
WIDTHS = {np.float64: 8, np.float32: 16}
OPERANDS = {name: len(inspect.signature(formula).parameters) - 1 for name, formula in FUNCTIONS.items()}
every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
every_variant = pytest.mark.parametrize("fma", [True, False], ids=["fma", "nofma"])


def compiled(name, dtype, fma, width=None):
    return native(name, dtype, width or WIDTHS[dtype], fma, OPERANDS[name])


def failures(name, points, errors, got):
    """The worst points, to be read in a report."""
    worst = np.argsort(-errors)[:5]
    return [(name, *(float(p[i]) for p in points), float(got[i]), float(errors[i])) for i in worst if errors[i] > LIMIT]


@every_function
@every_dtype
@every_variant
def test_at_most_four_units_in_the_last_place_from_the_exact_value(name, dtype, fma):
    points, high, low, unit = exact.values(name, dtype)
    got = compiled(name, dtype, fma)(*points)
    errors = exact.distance(got, high, low, unit)
    assert not failures(name, points, errors, got)


@every_function
@every_variant
def test_a_dense_sweep_of_float32(name, fma):
    """One float in 4099, of either sign and every exponent, against NumPy in float64, whose errors are 2^29 times smaller."""
    points = exact.sweep(name)
    with np.errstate(all="ignore"):
        want = exact.NUMPY[name](*(p.astype(np.float64) for p in points))
    got = compiled(name, np.float32, fma)(*points)
    unit = exact.unit_of(name, want, np.float32, *points)
    errors = exact.distance(got, want, np.zeros_like(want), unit)
    assert not failures(name, points, errors, got)


@every_function
@every_dtype
@every_variant
def test_special_values_and_thresholds_as_numpy_has_them(name, dtype, fma):
    """Zeros with their signs, infinities, nan, subnormals, the largest floats: all of them, and all pairs of them."""
    line = exact.special_values(dtype)
    points = [np.array(p, dtype) for p in zip(*itertools.product(line, repeat=OPERANDS[name]), strict=True)]
    with np.errstate(all="ignore"):
        want = exact.special_reference(name, dtype, points)
    got = compiled(name, dtype, fma)(*points)
    wrong = [
        (name, *map(float, p), "got", float(g), "want", float(w))
        for *p, g, w in zip(*points, got, want, strict=True)
        if not exact.same(g, w, name, p)
    ]
    assert not wrong[:10]


@every_function
@every_dtype
@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
def test_every_width_computes_the_same(name, dtype, width):
    points, *_ = exact.values(name, dtype)
    line = exact.special_values(dtype)
    points = [np.concatenate([p[::7], np.roll(line, 3 * i)]) for i, p in enumerate(points)]
    one, other = (compiled(name, dtype, width in (1, 4, 16), w)(*points) for w in (width, WIDTHS[dtype]))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(np.signbit(one)[~np.isnan(one)], np.signbit(other)[~np.isnan(one)])


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="narrows the instructions of x86-64")
@every_function
@every_dtype
@pytest.mark.parametrize("features", ["", "+avx,+avx2"], ids=["SSE2", "AVX2"])
def test_machines_with_fewer_instructions_compute_the_same(name, dtype, features):
    points, *_ = exact.values(name, dtype)
    line = exact.special_values(dtype)
    points = [np.concatenate([p, np.roll(line, 3 * i)]) for i, p in enumerate(points)]
    narrow = native(name, dtype, WIDTHS[dtype], False, OPERANDS[name], features=features)(*points)
    np.testing.assert_array_equal(narrow, compiled(name, dtype, False)(*points))


@every_dtype
@pytest.mark.parametrize("width", [1, 8])
def test_all_functions_live_in_one_module(dtype, width):
    import llvmlite.binding as llvm

    definitions = {}
    for name in FUNCTIONS:
        symbol, text = declare(name, dtype, width, True)
        assert symbol in text
        definitions |= text
    llvm.parse_assembly("".join(definitions.values())).verify()


@every_function
@every_dtype
@pytest.mark.parametrize(
    ("triple", "bits", "fma"),
    [("aarch64-unknown-linux-gnu", 128, True), ("x86_64-unknown-linux-gnu", 128, False)],
    ids=["aarch64", "x86_64"],
)
def test_the_plainest_machines_need_no_library(name, dtype, triple, bits, fma):
    """The assembly for a machine with nothing beyond its baseline calls nothing that is not in the module."""
    machine = foreign_machine(triple)
    if machine is None:
        pytest.skip(f"llvmlite was built without {triple}")
    width = bits // (8 * np.dtype(dtype).itemsize)
    module = optimised(loop_text(name, dtype, width, fma, OPERANDS[name], "loop"), machine)
    assembly = machine.emit_assembly(module)
    assert "loop:" in assembly
    called = set(re.findall(r"^\s+(?:bl|callq?)\s+(\S+)", assembly, re.MULTILINE))
    labels = set(re.findall(r"^(\S+):", assembly, re.MULTILINE))
    assert called <= labels


def test_sin_and_cos_of_one_number_share_their_work():
    """A module that needs both multiplies and adds as often as one that needs sin."""

    def count(*names) -> int:
        definitions, body = {}, ""
        for name in names:
            symbol, text = declare(name, np.float64, 4, True)
            definitions |= text
            body += (
                f"  %{name} = call <4 x double> {symbol}(<4 x double> %x)\n  store <4 x double> %{name}, ptr %{name}s\n"
            )
        results = ", ".join(f"ptr noalias %{name}s" for name in names)
        text = "".join(definitions.values())
        text += f"define void @both(<4 x double> %x, {results}) {{\n{body}  ret void\n}}\n"
        both = optimised(text, host_machine()).get_function("both")
        return str(both).count("@llvm.fma.")

    assert count("sin", "cos") == count("sin") > 9


def test_the_coefficients_are_what_their_script_derives():
    polynomials = derive.table()
    assert coefficients.POLYNOMIALS == {key: tuple(values) for key, values in polynomials.items()}
    with mpmath.workdps(derive.DIGITS):
        assert coefficients.PARTS == derive.constants()
        assert coefficients.LIMITS == derive.limits()
    assert coefficients.TWO_OVER_PI == derive.two_over_pi()


def test_every_polynomial_is_exact_to_a_fraction_of_the_last_place():
    wanted = {name: {"f64": -53.0, "f32": -24.0} for name in derive.FITS}
    wanted["cbrt"] = {"f64": -19.0, "f32": -9.0}  # and tripled by an iteration
    wanted["log tail"] = {"f64": -66.0, "f32": -33.0}
    with mpmath.workdps(derive.DIGITS):
        for (name, format), numbers in coefficients.POLYNOMIALS.items():
            assert derive.worst(derive.FITS[name], format, list(numbers)) < wanted[name][format], name
