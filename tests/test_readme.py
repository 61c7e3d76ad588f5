"""The README and CONTRIBUTING say only what is so: their code runs, their output is the output, their links lead somewhere."""

import re
import shlex
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

import wengert

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


def test_every_command_is_one_of_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {found for page in PAGES for found in re.findall(r"\bmake ([a-z]+)\b", code(page))}
    assert named <= targets
    assert {"demo", "test", "bench", "docs", "setup"} <= named


def code(page):
    """What a page shows as code: its blocks, and what stands between backticks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return "\n".join([*(block for _, block in blocks(page)), *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))])


def test_the_readme_names_every_extra_and_every_public_function():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = set(re.findall(r"\w+", code("README.md")))
    assert set(project["optional-dependencies"]) <= named
    assert set(wengert.__all__) <= named


def test_the_readme_lists_every_example():
    listed = re.findall(r"\]\(examples/(\w+\.py)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in (ROOT / "examples").glob("*.py"))


def test_the_changelog_names_every_public_function():
    assert set(wengert.__all__) <= set(re.findall(r"\w+", code("CHANGELOG.md")))


def test_what_contributing_quotes_is_in_the_repository():
    quoted = [text.strip() for language, text in blocks("CONTRIBUTING.md") + indented() if language == "text"]
    files = [path.read_text(encoding="utf-8") for room in ("src", "tests") for path in (ROOT / room).rglob("*.py")]
    assert len(quoted) == 2
    for text in quoted:
        assert any(text in file for file in files), text


def indented():
    """Blocks inside of lists."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(r"^ +```(\w+)\n(.*?)^ +```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_repository_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target
