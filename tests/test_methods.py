"""ndarray's methods and attributes on a variable give what they give on an array, with derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from wengert import Variable, grad, gradients
from wengert.testing import check_laws

RNG = np.random.default_rng(11)
A = RNG.uniform(-2, 2, (3, 4))
C = RNG.uniform(0.2, 2, (2, 3, 4))
V = np.array([0.3, -1.2, 2.5, 0.9])
Z = A + 1j * RNG.uniform(-2, 2, (3, 4))

CALLS = {
    "T": (lambda x: x.T, C), "mT": (lambda x: x.mT, C), "real": (lambda x: x.real, Z), "imag": (lambda x: x.imag, Z),
    "real of a real": (lambda x: x.real * 2, A), "flat": (lambda x: x.flat[3] * x.flat[-1], A),
    "flat slice": (lambda x: x.flat[2:5], A), "flat walk": (lambda x: sum(v * i for i, v in enumerate(x.flat)), A),
    "reshape": (lambda x: x.reshape(2, -1), A), "reshape tuple": (lambda x: x.reshape((4, 3)), A),
    "reshape F": (lambda x: x.reshape((4, 3), order="F"), A), "reshape int": (lambda x: x.reshape(-1), A),
    "transpose": (lambda x: x.transpose(), C), "transpose axes": (lambda x: x.transpose(1, 0, 2), C),
    "transpose tuple": (lambda x: x.transpose((2, 0, 1)), C), "transpose None": (lambda x: x.transpose(None), C),
    "swapaxes": (lambda x: x.swapaxes(0, 2), C), "ravel": (lambda x: x.ravel(), A), "ravel F": (lambda x: x.ravel("F"), A),
    "flatten": (lambda x: x.flatten(), A), "flatten F": (lambda x: x.flatten(order="F"), A),
    "squeeze": (lambda x: x[None].squeeze(0), A), "copy": (lambda x: x.copy(), A), "astype": (lambda x: x.astype(complex), A),
    "astype keywords": (lambda x: x.astype(float, order="F", casting="safe", copy=False), A), "view": (lambda x: x.view(), A),
    "conj": (lambda x: x.conj(), Z), "conjugate": (lambda x: x.conjugate(), Z), "to_device": (lambda x: x.to_device("cpu"), A),
    "sum": (lambda x: x.sum(), A), "sum axis": (lambda x: x.sum(0, keepdims=True), A), "prod": (lambda x: x.prod(axis=1), A),
    "mean": (lambda x: x.mean(-1), A), "std": (lambda x: x.std(ddof=1), A), "var": (lambda x: x.var(0, ddof=1), A),
    "max": (lambda x: x.max(1), A), "min": (lambda x: x.min(), A), "cumsum": (lambda x: x.cumsum(), A),
    "cumprod": (lambda x: x.cumprod(axis=0), A), "trace": (lambda x: x.trace(1), A), "dot": (lambda x: x.dot(V), A),
    "dot variables": (lambda x, y: x.dot(y), A, A.T), "clip": (lambda x: x.clip(-1, 1), A),
    "clip max": (lambda x: x.clip(max=0.2), A),
    "round": (lambda x: x * x.round(1), A), "repeat": (lambda x: x.repeat(2, axis=1), A), "take": (lambda x: x.take([0, 5]), A),
    "diagonal": (lambda x: x.diagonal(1), A), "compress": (lambda x: x.compress([True, False, True], axis=0), A),
    "choose": (lambda x: (x * 0 + 1).round().astype(int).choose([1.0, 2.0]) * x, V),
    "power chain": (lambda x: ((x.T @ x).diagonal() ** 2).sum(), A),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_laws_of(name):
    function, *args = CALLS[name]
    check_laws(function, *args)


CONSTANT = {
    "argsort": lambda x: x.argsort(axis=0), "argmax": lambda x: x.argmax(1), "argmin": lambda x: x.argmin(),
    "argpartition": lambda x: x.argpartition(1), "nonzero": lambda x: x.nonzero(), "any": lambda x: x.any(),
    "all": lambda x: x.all(axis=0), "searchsorted": lambda x: x[0].searchsorted(0.2), "nbytes": lambda x: x.nbytes,
    "itemsize": lambda x: x.itemsize, "strides": lambda x: x.strides, "flags": lambda x: x.flags.c_contiguous,
    "device": lambda x: x.device, "shape": lambda x: (x.shape, x.ndim, x.size, x.dtype),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTANT)
def test_plain_results(name):
    got, wanted = CONSTANT[name](Variable(A)), CONSTANT[name](A)
    assert type(got) is type(wanted)
    assert np.array_equal(got, wanted) if isinstance(wanted, np.ndarray) else str(got) == str(wanted)


@pytest.mark.parametrize("name", ["item", "tolist", "tobytes", "tofile", "dumps"])
def test_what_would_drop_the_derivative_says_so(name):
    with pytest.raises(TypeError, match=rf"would drop its derivative: x\.{name}\(\)"):
        getattr(Variable(A), name)()


def test_view_of_another_dtype_has_no_rule():
    with pytest.raises(TypeError, match="view"):
        Variable(A).view(np.int64)


def test_every_name_of_ndarray_is_there():
    missing = {name for name in dir(np.ndarray) if not name.startswith("_")} - set(dir(Variable))
    # they write in place (`wengert.inplace` has them) or give the memory itself away
    assert missing <= {
        "base", "ctypes", "data", "fill", "partition", "put", "resize", "setfield", "setflags", "sort",
    }  # fmt: skip


def test_methods_of_a_number():
    assert grad(lambda x: x.sum() * x.mean() + x.reshape(1)[0] + x.T + x.conj() + x.ravel()[0])(2.0) == 8.0


def test_flatten_and_copy_are_memory_of_their_own():
    x = Variable(A)
    for made in (x.flatten(), x.copy(), x.astype(float)):
        assert not np.shares_memory(made.val, A)
    for view in (x.ravel(), x.T, x.reshape(-1), x.view()):
        assert np.shares_memory(view.val, A)


def test_an_orders_default_is_that_of_the_method():
    f = np.asfortranarray(A)
    assert Variable(f).copy().val.flags.c_contiguous and np.copy(Variable(f)).val.flags.f_contiguous
    x = Variable(f)
    np.testing.assert_array_equal(gradients(np.sum(x.copy() * 2))[x], np.full(f.shape, 2.0))


def test_the_conjugate_is_the_array_itself_where_it_is_real():
    x, z = Variable(A), Variable(Z)
    assert x.conj() is x and x.conjugate() is x
    assert z.conj() is not z and not np.shares_memory(np.conj(x).val, A)


def test_one_entry_of_flat_is_a_number():
    assert isinstance(Variable(A).flat[3].val, np.float64)
    assert isinstance(Variable(A).flat[2:5].val, np.ndarray)
