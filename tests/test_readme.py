"""The README and CONTRIBUTING say only what is so: their code runs, their output is the output, their links lead somewhere."""

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    return FENCE.findall((ROOT / page).read_text(encoding="utf-8"))


def programs(page):
    """Each block of Python with the block of text that follows it, if one does."""
    found = blocks(page)
    for (language, code), (following, text) in pairwise([*found, ("", "")]):
        if language == "python":
            yield code, text if following == "text" else None


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_run_and_print_what_the_page_shows(page, capsys):
    for code, expected in programs(page):
        exec(compile(code, page, "exec"), {"__name__": "__readme__"})
        printed = capsys.readouterr().out
        if expected is not None:
            assert printed == expected


def test_the_readme_shows_a_ten_line_example_with_its_output():
    (code, output), *_ = programs("README.md")
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 10
    assert output


def test_exactly_two_commands_for_a_fresh_machine():
    (commands,) = [text for language, text in blocks("README.md") if language == "console"]
    assert [line.partition("#")[0].strip() for line in commands.splitlines()] == ["make demo", "make test"]


def test_the_commands_shown_print_what_is_shown():
    for language, text in blocks("README.md"):
        if language != "shell":
            continue
        for command, output in re.findall(r"^\$ wengert (.*)\n((?:(?!\$).*\n?)*)", text, re.MULTILINE):
            done = subprocess.run(
                [sys.executable, "-m", "wengert", *shlex.split(command)], capture_output=True, text=True
            )
            assert done.stdout.strip() == output.strip()


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_repository_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target
