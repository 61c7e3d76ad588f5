"""The house keeps its order: imports point one way, the core needs NumPy alone, and importing stays light."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).parent.parent / "src" / "wengert"
ROOMS = sorted(p for p in SOURCE.rglob("*.py"))


def imported(path: pathlib.Path) -> set[str]:
    """Everything of this library that a file imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "wengert"}


@pytest.mark.parametrize("path", sorted((SOURCE / "core").glob("*.py")), ids=lambda p: p.name)
def test_core_imports_only_core(path):
    assert {name for name in imported(path) if not name.startswith("wengert.core")} == set()


@pytest.mark.parametrize("path", sorted((SOURCE / "ops").rglob("*.py")), ids=lambda p: p.name)
def test_ops_import_core_ops_and_inplace_only(path):
    allowed = ("wengert.core", "wengert.ops", "wengert.inplace")
    assert {n for n in imported(path) if not n.startswith(allowed) and n != "wengert"} == set()


@pytest.mark.parametrize("path", sorted((SOURCE / "view").rglob("*.py")), ids=lambda p: p.name)
def test_the_view_imports_core_and_itself_only(path):
    assert {name for name in imported(path) if not name.startswith(("wengert.core", "wengert.view"))} == set()


def test_the_view_is_read_when_it_is_asked_for():
    code = (
        "import sys, wengert; assert not any(m.startswith('wengert.view') for m in sys.modules); "
        "assert 'explain' in dir(wengert); wengert.explain; assert 'wengert.view.explain' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_room_is_called_utils():
    assert not [p for p in ROOMS if p.stem in {"utils", "helpers", "misc", "common", "manager"}]


@pytest.mark.parametrize("heavy", ["scipy", "matplotlib", "sklearn", "anywidget"])
def test_import_needs_numpy_alone(heavy):
    code = f"import wengert, sys; sys.exit(any(m.split('.')[0] == {heavy!r} for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_primitive_is_declared_in_one_place():
    import wengert  # noqa: F401
    from wengert.core.registry import primitives, rules

    named = {}
    for rule in rules.values():
        name = getattr(rule, "name", None)
        if name in primitives:
            named.setdefault(name, set()).add(id(rule))
    assert {name for name, ids in named.items() if len(ids) > 1} == set()
