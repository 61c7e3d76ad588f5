"""Loop nests that threads share: results, forks, signals, and how processes end."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import wengert

pytest.importorskip("llvmlite")

from wengert.compiler.codegen.body import Shared
from wengert.compiler.codegen.kernels import Kernel
from wengert.compiler.codegen.module import Module
from wengert.compiler.planning.plan import Nest
from wengert.compiler.running import native, pool

pytestmark = pytest.mark.skipif(not pool.possible(), reason="this system has no threads for native code")

N = 200_003  # much work, and no multiple of a vector
rng = np.random.default_rng(0)
x, y = rng.normal(size=N), rng.normal(size=N)


def mixed(x, y):
    """Totals of several kinds, and an array."""
    top = np.max(x * y)
    return top, np.sum(np.exp(x * y - top)), np.min(np.sin(x)), np.tanh(x) * y


def shared(function, *args, threads=2):
    """The compiled function, which has run once, and in which at least one nest is shared."""
    made = wengert.compile(function, threads=threads)
    made(*args)
    assert nests_shared(made, threads)
    return made


def nests_shared(made, threads):
    (variant,) = next(iter(made.variants.values()))
    return len(Module(variant.executable.plan, native.host(), threads).runners)


def same(found, expected):
    return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("threads", [2, 3, 7, 40, 100_000])
def test_any_number_of_threads_gives_the_same_up_to_rounding(threads):
    expected = wengert.compile(mixed, threads=1)(x, y)
    made = shared(mixed, x, y, threads=threads)
    found = made(x, y)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    for _ in range(50):
        assert same(made(x, y), found)


def test_one_thread_shares_nothing():
    made = wengert.compile(mixed, threads=1)
    made(x, y)
    assert not nests_shared(made, 1)


def test_little_work_is_not_shared():
    made = wengert.compile(mixed, threads=2)
    made(x[:1000], y[:1000])
    assert not nests_shared(made, 2)


def test_without_the_means_for_threads_there_is_one(monkeypatch):
    def fail():
        raise AssertionError

    monkeypatch.setattr(pool, "possible", lambda: False)
    monkeypatch.setattr(pool, "ready", fail)
    made = wengert.compile(mixed, threads=4)
    np.testing.assert_allclose(made(x, y)[0], np.max(x * y))
    np.testing.assert_allclose(made(x, y)[1], mixed(x, y)[1])


@pytest.mark.parametrize(
    "shape", [(N,), (7, N // 7), (300, 701), (3, 5, 20_000), (20_000, 3, 5), (100_000, 2), (2, 100_000)]
)
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_reductions_over_each_axis(shape, axis, dtype):
    a = rng.normal(size=shape).astype(dtype)

    def f(a):
        e = np.exp(a)
        return np.sum(e, axis=axis), np.max(np.tanh(a), axis=axis), e

    made = shared(f, a, threads=3)
    for got, expected in zip(made(a), f(a), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12 if dtype == np.float64 else 2e-4)


@pytest.mark.parametrize("n", [4, 5, 8, 20, 37, 101])
@pytest.mark.parametrize("threads", [2, 5])
def test_long_axes_are_shared_where_short_ones_are_kept(n, threads):
    a, v = rng.normal(size=(50_000, n)), rng.normal(size=50_000)

    def f(a, v):
        e = np.exp(a)
        return (
            np.sum(e * v[:, None], axis=0),
            np.max(e, axis=0),
            np.any(a > 4, axis=0),
            np.sum(e),
            e,
            np.sum(a > 0, axis=0),
        )

    made = shared(f, a, v, threads=threads)
    for got, expected in zip(made(a, v), f(a, v), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-9)
    assert same(made(a, v), made(a, v))


def kernels(made, threads):
    """The kernels of a compiled function's nests."""
    (variant,) = next(iter(made.variants.values()))
    plan = variant.executable.plan
    found = []
    for step in plan.steps:
        if isinstance(step, Nest) and step.space:
            found.append(Kernel(Shared(native.host(), threads), plan, step, lambda x: "0"))
            found[-1].write()
    return found


def test_threads_do_not_write_into_the_same_lines():
    """The loop over 5 columns is an outer one here, for the vectors' sake; its parts lie between each other."""
    x, mu = rng.normal(size=(4000, 2)), rng.normal(size=(5, 2))
    made = wengert.compile(lambda x, mu: np.exp(x[:, None] - mu), threads=2)
    np.testing.assert_allclose(made(x, mu), np.exp(x[:, None] - mu), rtol=1e-12)
    (kernel,) = kernels(made, 2)
    assert kernel.units
    assert kernel.extents[kernel.order[kernel.divided]] == 4000


def test_an_outer_loop_is_shared_before_a_reduced_one():
    made = shared(lambda a: np.sum(np.exp(a), axis=0), rng.normal(size=(300, 701)))
    (kernel,) = kernels(made, 2)
    assert kernel.divided == 0
    assert not kernel.totals


def test_the_more_work_the_more_threads():
    f = lambda x: np.exp(x)
    (few,) = kernels(shared(f, rng.normal(size=100_000), threads=64), 64)
    (many,) = kernels(shared(f, rng.normal(size=1_000_000), threads=64), 64)
    assert 2 <= few.threads < many.threads == 64


def test_nests_that_differ_in_their_length_alone():
    def f(a, b):
        return np.sum(np.exp(a)), np.sum(np.exp(b))

    a, b = rng.normal(size=1 << 16), rng.normal(size=1 << 17)
    made = shared(f, a, b)
    np.testing.assert_allclose(made(a, b), f(a, b), rtol=1e-12)


def test_a_program_with_calls_between():
    def f(a):
        total = np.sum(np.exp(a))
        return np.sort(np.tanh(a) * total), np.max(a) + total, np.sum(a, keepdims=True)

    made = shared(f, x, threads=3)
    for got, expected in zip(made(x), f(x), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_eight_threads_of_pythons_at_once():
    made = shared(mixed, x, y)
    rows = [(x + i, y - i) for i in range(8)]
    expected = [made(*row) for row in rows]
    wrong = []

    def work(number):
        for _ in range(30):
            if not same(made(*rows[number]), expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


BEGINNING = """
import faulthandler, os, signal, sys, threading, time
import numpy as np
import wengert
faulthandler.dump_traceback_later(60, exit=True)
N = 200_003
x = np.linspace(-3, 3, N)
f = wengert.compile(lambda x: (np.sum(np.exp(x)), np.tanh(x)), threads=THREADS)
same = lambda a, b: all(np.array_equal(p, q) for p, q in zip(a, b))
"""


def run(code, threads=3):
    """What a process prints that ends well within a minute."""
    text = BEGINNING.replace("THREADS", str(threads)) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@needs_fork
def test_parent_and_child_of_a_fork_compute():
    out = run("""
        expected = f(x)
        assert same(f(x), expected)
        child = os.fork()
        for _ in range(20):
            assert same(f(x), expected)
        if not child:
            grandchild = os.fork()
            assert same(f(x), expected)
            if grandchild:
                assert os.waitpid(grandchild, 0)[1] == 0
            os._exit(0)
        print(os.waitpid(child, 0)[1])
    """)
    assert out == ["0"]


@needs_fork
@pytest.mark.filterwarnings("ignore")
def test_a_fork_while_another_thread_is_in_a_shared_nest():
    out = run("""
        import warnings
        warnings.simplefilter("ignore")
        expected = f(x)
        stop = False
        def work():
            while not stop:
                assert same(f(x), expected)
        thread = threading.Thread(target=work)
        thread.start()
        codes = set()
        for _ in range(30):
            child = os.fork()
            if not child:
                ok = all(same(f(x), expected) for _ in range(5))
                os._exit(0 if ok else 1)
            codes.add(os.waitpid(child, 0)[1])
        stop = True
        thread.join()
        print(codes)
    """)
    assert out == ["{0}"]


@needs_fork
def test_a_fork_that_python_does_not_see():
    out = run("""
        import ctypes
        libc = ctypes.CDLL(None)
        expected = f(x)
        codes = set()
        for pause in (0, 0.001, 0.1):
            f(x)
            time.sleep(pause)
            child = libc.fork()
            if not child:
                os._exit(0 if all(same(f(x), expected) for _ in range(5)) else 1)
            codes.add(os.waitpid(child, 0)[1])
            assert same(f(x), expected)
        print(codes)
    """)
    assert out == ["{0}"]


@needs_fork
def test_a_child_has_workers_of_its_own():
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("threads are counted in /proc")
    out = run("""
        count = lambda: len(os.listdir("/proc/self/task"))
        f(x)
        child = os.fork()
        if not child:
            before = count()
            f(x)
            os._exit(count() - before)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)
    assert out == ["2"]


def test_an_interrupt_is_raised_after_the_kernel():
    if not hasattr(__import__("signal"), "setitimer"):
        pytest.skip("there are no timers")
    out = run("""
        x = np.linspace(-3, 3, 3_000_000)
        f(x)
        caught = 0
        for _ in range(20):
            try:
                signal.signal(signal.SIGALRM, signal.default_int_handler)
                signal.setitimer(signal.ITIMER_REAL, 0.002)
                while True:
                    f(x)
            except KeyboardInterrupt:
                caught += 1
        def raising():
            time.sleep(0.01)
            signal.raise_signal(signal.SIGINT)
        threading.Thread(target=raising).start()
        try:
            while True:
                f(x)
        except KeyboardInterrupt:
            caught += 1
        print(caught)
    """)
    assert out == ["21"]


@pytest.mark.parametrize("pause", [0, 0.00003, 0.01])
def test_a_process_ends_while_workers_look_or_sleep(pause):
    assert run(f"f(x)\ntime.sleep({pause})\nprint('end')") == ["end"]


def test_a_process_ends_while_a_daemon_is_in_a_shared_nest():
    out = run("""
        f(x)
        def work():
            while True:
                f(x)
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.05)
        print("end")
    """)
    assert out == ["end"]


def test_the_pool_grows_with_what_programs_ask_for():
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("threads are counted in /proc")
    out = run("""
        count = lambda: len(os.listdir("/proc/self/task"))
        wengert.compile(lambda x: np.sin(x), threads=1)(x)
        start = count()
        for threads in (2, 5, 3):
            wengert.compile(lambda x: np.sum(np.exp(x)), threads=threads)(x)
            print(count() - start)
    """)
    assert out == ["1", "4", "4"]
