"""The explorer's page as one HTML text: its template, style and scripts with the data put in; nothing in it could load more."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from importlib import resources
from string import Template
from typing import Any

SCRIPTS = (
    "data",
    "program",
    "steps",
    "heatmap",
    "graph",
    "paths",
    "inspector",
    "main",
)  # in the order in which they run

# What a browser could take for the end of the data, or for a line's end within it.
_ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page_text(data: dict[str, Any]) -> str:
    """The page that shows `data`, which `page_data` has made."""
    script, style = _script(), _read("page.css")
    return Template(_read("page.html")).substitute(
        title=html.escape(f"{data['title']} – wengert"),
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        data=json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPED),
        script=script,
    )


@cache
def _script() -> str:
    return '"use strict";(() => {\n' + "\n".join(_read(f"{name}.js") for name in SCRIPTS) + "})();"


@cache
def _read(name: str) -> str:
    return resources.files("wengert.view.explorer").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What the page's policy knows a script by: no other one can run, whatever the data says."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
