"""The documentation says only what is so: its code cells run, its quotations are in the source, its lists are whole.

Building the pages needs the docs extra; this does not.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import pathlib
import re
import sys
import types

import pytest

import wengert
import wengert.numpy
import wengert.testing
from wengert.core import errors, linear

DOCS = pathlib.Path(__file__).parent.parent / "docs"
SOURCE = DOCS.parent / "src" / "wengert"
PAGES = sorted(DOCS.glob("*.md"))
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
QUOTATION = re.compile(r"^```\{literalinclude\} (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
REFERENCE = re.compile(r"^\.\. auto(?:class|exception|function|module):: (\S+)$", re.MULTILINE)


def read(page):
    return page.read_text(encoding="utf-8")


def run(text, name):
    """Run the code cells of a page, in order; returns what they defined."""
    namespace: dict = {}
    for number, cell in enumerate(CELL.findall(text), start=1):
        lines = cell.splitlines()
        options = [line for line in lines if line.startswith(":")]
        source = "\n".join(line for line in lines if not line.startswith(":"))
        code = compile(source, f"{name}, cell {number}", "exec")
        if any("raises-exception" in option for option in options):
            with pytest.raises(Exception):
                exec(code, namespace)
        else:
            exec(code, namespace)
    return namespace


@pytest.fixture
def notebook(monkeypatch):
    """Pages that print tables only wrap their text in IPython's Markdown; where there is no IPython, in nothing."""
    if importlib.util.find_spec("IPython") is None:
        display = types.SimpleNamespace(Markdown=str)
        monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=display))
        monkeypatch.setitem(sys.modules, "IPython.display", display)


@pytest.mark.parametrize("page", [page for page in PAGES if CELL.search(read(page))], ids=lambda page: page.name)
def test_code_cells_run(page, notebook, capsys):
    run(read(page), page.name)


def test_a_cell_that_fails_fails_its_page():
    with pytest.raises(ZeroDivisionError):
        run("```{code-cell} ipython3\nx = 1\n```\n\n```{code-cell} ipython3\nx / 0\n```\n", "page")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_all_python_on_a_page_runs_or_is_quoted_from_the_source(page):
    assert "```python" not in read(page)
    assert len(CELL.findall(read(page))) == read(page).count("{code-cell}")
    assert len(QUOTATION.findall(read(page))) == read(page).count("```{literalinclude}")


QUOTATIONS = [(page, *found) for page in PAGES for found in QUOTATION.findall(read(page))]


@pytest.mark.parametrize(("page", "path", "options"), QUOTATIONS)
def test_what_is_quoted_is_in_the_source(page, path, options):
    text = read(page.parent / path)
    given = dict(re.findall(r"^:([\w-]+): (.*)$", options, re.MULTILINE))
    if "pyobject" in given:
        place = ast.parse(text)
        for name in given["pyobject"].split("."):
            place = next(node for node in place.body if getattr(node, "name", None) == name)
    else:
        for marker in ("start-at", "end-at"):
            assert ast.literal_eval(given[marker]) in text


def test_there_are_quotations():
    assert len(QUOTATIONS) > 10


def test_every_page_is_in_the_index():
    listed = set(re.findall(r"^[^<`\n]+ <(\w+)>$", read(DOCS / "index.md"), re.MULTILINE))
    assert {page.stem for page in PAGES} - {"index"} == listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([\w./]*)(?:#([\w-]+))?\)", read(page)):
        there = page.parent / target if target else page
        assert there.exists(), target
        if there.suffix != ".md":  # a picture
            continue
        slugs = {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in titles(there)}
        assert not anchor or anchor in slugs or f"({anchor})=" in read(there), anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    for name in re.findall(r"`([\w./]+\.(?:py|md|toml))`", read(page)):
        assert (DOCS.parent / name).exists() or (SOURCE / name).exists(), name


def titles(page):
    return re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)


# -- the API reference --------------------------------------------------------------------------------------------------

REFERENCED = set(REFERENCE.findall(read(DOCS / "api.md")))


def public(module):
    """The classes and functions that a module defines and does not hide."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    }


def test_the_reference_has_every_public_name():
    assert {f"wengert.{name}" for name in wengert.__all__} - {"wengert.linear"} <= REFERENCED
    assert "wengert.numpy" in REFERENCED


def test_the_reference_has_every_linear_map():
    maps = {name for name in public(linear) if name[0].isupper()} - {"Parts"}
    assert {f"wengert.linear.{name}" for name in maps | {"left", "right"}} <= REFERENCED


def test_the_reference_has_every_error():
    kinds = {name for name in public(errors) if inspect.isclass(getattr(errors, name))}
    assert {f"wengert.core.errors.{name}" for name in kinds} <= REFERENCED


def test_the_reference_has_the_rest_of_testing():
    assert {f"wengert.testing.{name}" for name in public(wengert.testing) - {"check_grads", "inner"}} <= REFERENCED


@pytest.mark.parametrize("name", sorted(REFERENCED))
def test_what_is_referenced_exists_and_says_what_it_is(name):
    found = functools.reduce(getattr, name.split(".")[1:], wengert)
    assert (found.__doc__ or "").strip()


@pytest.mark.parametrize("name", sorted(set(wengert.__all__) - {"linear"}))
def test_public_functions_have_an_example(name):
    assert ">>>" in getattr(wengert, name).__doc__
