"""Where in the user's code each value was computed, and what that code called it.

Nothing is recorded while a graph is built as usual. A `Recording` is a profiling hook that is there while one call runs: when
the user's code calls into the library, it notes the place and the serial number that the next node gets. A node's place is
then looked up by its own number, so that the core knows nothing of places.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import sys
import sysconfig
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from wengert.core.variable import Variable, new_serial

Named = list[tuple[str, Any]]


class Call(NamedTuple):
    """One call of a function of the user's: its number among all calls, and the function's name."""

    number: int
    name: str


class Place(NamedTuple):
    """A part of the user's source: lines count from 1, columns from 0. `calls` are the open calls, the outermost first."""

    file: str
    line: int
    end_line: int
    column: int
    end_column: int
    function: str
    calls: tuple[Call, ...] = ()

    @property
    def source(self) -> str:
        """The line as it is written; '' where the source is not to be had."""
        return linecache.getline(self.file, self.line).rstrip("\n")

    @property
    def expression(self) -> str:
        """The expression alone: what the columns say of the line."""
        if self.end_line != self.line:
            return self.source[self.column :].rstrip()
        return self.source.encode()[self.column : self.end_column].decode(errors="replace")

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


class Recording:
    """Notes the places at which variables are made, while it is open; it may be opened once.

    Attributes
    ----------
    value
        What the function returned, for a recording made by `recorded`.
    names : list of (str, value)
        What the code called its values: the recorded function's own names first, then those of what it calls, then of its
        module.
    """

    def __init__(self, code: CodeType | None = None):
        self.value: Any = None
        self._code = code
        self._module: dict | None = None
        self._seen: dict[tuple[bool, str, int], Any] = {}  # whether it is the function's own, the name, id -> value
        self._open: list[tuple[Any, Call]] = []
        self._calls: tuple[Call, ...] = ()
        self._count = 0
        self._serials: list[int] = []
        self._sites: list[tuple[CodeType, int, tuple[Call, ...]]] = []
        self._ended: float = float("inf")
        self._before: Any = None
        self._entered: Any = None  # what opened it: who called that is not of the computation

    # -- while it is open ---------------------------------------------------------------------------------------------

    def __enter__(self) -> Recording:
        if self._code is None:
            frame = sys._getframe(1)
            while is_library(frame.f_code.co_filename) and frame.f_back is not None:
                frame = frame.f_back
            self._code, self._module = frame.f_code, frame.f_globals
        self._entered = sys._getframe(1)
        self._before = sys.getprofile()
        sys.setprofile(self._look)
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._before is None or callable(self._before):
            sys.setprofile(self._before)
        else:  # cProfile before Python 3.12: its object is not what it set
            sys.setprofile(None)
            self._before.enable()
        self._entered = None
        self._ended = new_serial()
        frame = sys._getframe(1)
        while frame is not None:  # of a `with` block: what it assigned last
            if frame.f_code is self._code:
                self._name(frame, True)
                break
            frame = frame.f_back  # type: ignore[assignment]

    def _look(self, frame: Any, event: str, argument: Any) -> None:
        if event not in ("call", "return"):
            return
        library = is_library(frame.f_code.co_filename)
        if event == "call":
            if frame.f_code is self._code and self._module is None:
                self._module = frame.f_globals
            if not library:
                self._count += 1
                self._open.append((frame, Call(self._count, frame.f_code.co_name)))
                self._calls = (*self._calls, self._open[-1][1])
            caller = frame.f_back
            if caller is not None and not is_library(caller.f_code.co_filename):
                if library:
                    self._mark(caller)
                self._name(caller, False)  # it may have assigned something since we looked
            return
        if not library:
            self._name(frame, True)
            if self._open and self._open[-1][0] is frame:
                self._open.pop()
                self._calls = self._calls[:-1]
            caller = frame.f_back
            while caller is not None and is_library(caller.f_code.co_filename):
                caller = None if caller is self._entered else caller.f_back
            if caller is not None:
                self._mark(caller)

    def _mark(self, frame: Any) -> None:
        self._serials.append(new_serial())
        self._sites.append((frame.f_code, frame.f_lasti, self._calls))

    def _name(self, frame: Any, returns: bool) -> None:
        """Read the local variables; of what the function calls only when that returns: the caller's names come first."""
        if self._module is None or frame.f_globals is not self._module:
            return
        own = frame.f_code is self._code
        if own or returns:
            without = () if own else frame.f_code.co_varnames[: frame.f_code.co_argcount]
            for name, value in named_values(frame.f_locals, without):
                self._seen.setdefault((own, name, id(value)), value)

    # -- afterwards ---------------------------------------------------------------------------------------------------

    @property
    def names(self) -> Named:
        found = [(name, value) for own in (True, False) for (of, name, _), value in self._seen.items() if of is own]
        return found + (named_values(self._module) if self._module is not None else [])

    def place(self, node: Variable) -> Place | None:
        """Where a node was made; None for one that was there before, or after."""
        at = bisect_right(self._serials, node._serial) - 1
        if at < 0 or node._serial > self._ended:
            return None
        return place_at(*self._sites[at])


def recorded(function: Callable, arguments: Sequence) -> Recording:
    """Call the function while recording; the recording's `value` is what it returned."""
    written = function if inspect.isroutine(function) else type(function).__call__  # type: ignore[operator]
    code = getattr(inspect.unwrap(written), "__code__", None)
    recording = Recording(code or recorded.__code__)
    with recording:
        recording.value = function(*arguments)
    return recording


def place_at(code: CodeType, offset: int, calls: tuple[Call, ...] = ()) -> Place:
    """The place of an instruction."""
    line, end_line, column, end_column = _positions(code)[offset // 2]
    start = code.co_firstlineno if line is None else line
    return Place(code.co_filename, start, end_line or start, column or 0, end_column or 0, code.co_qualname, calls)


@functools.lru_cache(maxsize=256)
def _positions(code: CodeType) -> list:
    return list(code.co_positions())


HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_DEMO = os.path.join(HERE, "demo") + os.sep  # reads as a user's code
_LIBRARIES = (HERE, os.path.dirname(os.path.abspath(np.__file__)) + os.sep)
_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep


@functools.cache
def is_library(file: str) -> bool:
    """Is this a file of the library, of NumPy, SciPy or Python, and not the user's code?"""
    if file.startswith(_DEMO):
        return False
    if file.startswith(_LIBRARIES) or file.startswith("<frozen"):
        return True
    parts = file.split(os.sep)
    if "site-packages" in parts or "dist-packages" in parts:
        return "scipy" in parts
    return file.startswith(_STANDARD)


# -- names ------------------------------------------------------------------------------------------------------------


def named_values(namespace: Mapping[str, Any], without: Iterable[str] = ()) -> Named:
    """The variables and arrays of a namespace with their names, also those one level down in dicts by their keys."""
    found: Named = []
    for name, value in list(namespace.items()):
        if name.startswith("_") or not name.isidentifier() or name in without:
            continue
        if isinstance(value, (Variable, np.ndarray)):
            found.append((name, value))
        elif isinstance(value, dict):
            found += [
                (key, part)
                for key, part in list(value.items())
                if isinstance(key, str) and key.isidentifier() and isinstance(part, (Variable, np.ndarray))
            ]
    return found


def names_at(frame: Any) -> Named:
    """What the code of a frame calls its values: its own variables first, then those of its module."""
    found = named_values(frame.f_locals)
    return found if frame.f_globals is frame.f_locals else found + named_values(frame.f_globals)
