"""Objects on disk: found again, never read where another could have written them, never half."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest

import wengert

pytest.importorskip("llvmlite")

from wengert.compiler.running import object_cache

POSIX = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are POSIX's")


@pytest.fixture
def place(tmp_path, monkeypatch):
    path = tmp_path / "kept"
    monkeypatch.setenv("WENGERT_CACHE", str(path))
    return path


def test_what_was_written_is_read(place):
    assert object_cache.read("a") is None
    object_cache.write("a", b"code")
    assert object_cache.read("a") == b"code"
    assert [path.name for path in place.iterdir()] == ["a"]


def test_it_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("WENGERT_CACHE", "off")
    object_cache.write("a", b"code")
    assert object_cache.directory() is None
    assert object_cache.read("a") is None


@pytest.mark.parametrize("damage", [b"", b"wengert", b"something else entirely, which is no object of ours at all"])
def test_what_is_not_whole_is_not_read(place, damage):
    object_cache.write("a", b"code")
    (place / "a").write_bytes(damage)
    assert object_cache.read("a") is None


def test_a_changed_byte_is_noticed(place):
    object_cache.write("a", b"code" * 100)
    content = bytearray((place / "a").read_bytes())
    content[-1] ^= 1
    (place / "a").write_bytes(content)
    assert object_cache.read("a") is None


@POSIX
def test_what_others_can_write_is_refused(place):
    object_cache.write("a", b"code")
    (place / "a").chmod(0o622)
    assert object_cache.read("a") is None
    (place / "a").chmod(0o600)
    assert object_cache.read("a") == b"code"
    place.chmod(0o722)
    assert object_cache.read("a") is None
    place.chmod(0o700)
    place.parent.chmod(0o722)
    try:
        assert object_cache.read("a") is None
    finally:
        place.parent.chmod(0o700)


@POSIX
def test_links_and_strangers_are_refused(place, tmp_path, monkeypatch):
    object_cache.write("a", b"code")
    (place / "b").symlink_to(place / "a")
    assert object_cache.read("b") is None
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert object_cache.read("a") is None


@POSIX
def test_the_directory_is_the_users_alone(place):
    object_cache.write("a", b"code")
    assert place.stat().st_mode & 0o077 == 0
    assert (place / "a").stat().st_mode & 0o077 == 0


def test_old_files_go(place, monkeypatch):
    monkeypatch.setattr(object_cache, "MOST_BYTES", 1000)
    for i in range(20):
        object_cache.write(str(i), bytes(100))
        os.utime(place / str(i), (i, i))
    object_cache.write("last", bytes(100))
    assert sum(path.stat().st_size for path in place.iterdir()) <= 1000
    assert object_cache.read("last") is not None


def write_often(name):
    for i in range(200):
        object_cache.write(name, bytes([i % 256]) * 5000)
        found = object_cache.read(name)
        assert found is None or len(set(found)) == 1
    return True


def test_writers_at_once(place):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert all(pool.map(write_often, ["a"] * 3))
    assert len(set(object_cache.read("a"))) == 1
    assert [path.name for path in place.iterdir()] == ["a"]


PROGRAM = """
import numpy as np, wengert
f = wengert.compile(lambda x: np.sum(np.exp(x) * 3))
print(float(f(np.ones(5))), float(f(np.ones(5))))
(variant,) = next(iter(f.variants.values()))
print(variant.executable.code.cached)
"""


def test_a_second_process_compiles_nothing(place):
    outputs = []
    for _ in range(2):
        made = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        outputs.append(made.stdout.split())
    assert [output[-1] for output in outputs] == ["False", "True"]
    assert outputs[0][:2] == outputs[1][:2]


def test_a_file_that_is_no_code_is_compiled_again(place):
    f = wengert.compile(lambda x: np.sum(x * 7))
    f(np.ones(3))
    (kept,) = place.iterdir()
    kept.write_bytes(b"nonsense")
    g = wengert.compile(lambda x: np.sum(x * 7))
    assert g(np.ones(3)) == g(np.ones(3)) == 21
