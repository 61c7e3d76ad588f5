"""Every code cell of the documentation runs, in order, page by page. Building the pages needs the docs extra; this does not."""

from __future__ import annotations

import pathlib
import re
import sys
import types

import pytest

DOCS = pathlib.Path(__file__).parent.parent / "docs"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = sorted(page for page in DOCS.glob("*.md") if CELL.search(page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_cells_run(page, monkeypatch, capsys):
    if "IPython" not in sys.modules:
        display = types.SimpleNamespace(Markdown=str)  # pages that print tables only wrap their text in it
        monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=display))
        monkeypatch.setitem(sys.modules, "IPython.display", display)
    namespace: dict = {}
    for number, cell in enumerate(CELL.findall(page.read_text()), start=1):
        options = [line for line in cell.splitlines() if line.startswith(":")]
        source = "\n".join(line for line in cell.splitlines() if not line.startswith(":"))
        code = compile(source, f"{page.name}, cell {number}", "exec")
        if any("raises-exception" in option for option in options):
            with pytest.raises(Exception):
                exec(code, namespace)
        else:
            exec(code, namespace)


def test_pages_exist_and_have_code():
    assert len(PAGES) >= 5


def test_every_page_is_in_the_index():
    index = (DOCS / "index.md").read_text()
    listed = {line.strip() for line in index.splitlines()}
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= listed
