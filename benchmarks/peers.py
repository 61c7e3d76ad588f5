"""The peers that are installed. One that is missing is left out of the table and named."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

WANTED = {"autograd": "autograd", "jax": "jax", "torch": "torch", "micrograd": "micrograd", "numba": "numba"}


def load() -> dict[str, Any]:
    """Name -> module of every peer that can be imported; double precision and one convention for all."""
    found = {}
    for name, module in WANTED.items():
        try:
            found[name] = importlib.import_module(module)
        except ImportError:
            continue
    if "jax" in found:
        found["jax"].config.update("jax_enable_x64", True)
        found["jax"].config.update("jax_platforms", "cpu")
    if "torch" in found:
        found["torch"].set_default_dtype(found["torch"].float64)
    return found


def missing(found: dict[str, Any]) -> list[str]:
    return [name for name in WANTED if name not in found]


def versions(found: dict[str, Any]) -> str:
    """numpy, wengert and each peer with its version."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "wengert", *found))
