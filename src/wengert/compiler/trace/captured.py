"""What a function reads from outside: closures, globals, defaults, and what lies in lists, dicts and objects there.

A compiled function must see the arrays that it reads from outside as they are at each call, and notice when a name is
bound anew. So the traced run is one of a shadow: the same code, with the arrays of its cells and globals replaced by
traced ones; and each place that was looked into is watched. Code of installed packages is not shadowed: what it reads
is taken as it was.
"""

from __future__ import annotations

import collections
import copy
import dis
import functools
import os
import random
import sys
import sysconfig
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.trace.traced import concrete
from wengert.compiler.trace.tracing import ROOM
from wengert.core.variable import Variable

_PATHS = sysconfig.get_paths()
LIBRARIES = tuple({os.path.join(_PATHS[name], "") for name in ("stdlib", "platstdlib", "purelib", "platlib")})
GLOBALS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}  # CPython's instructions that read a global
CACHED = type(functools.lru_cache(lambda: None))
MOST = 1024  # entries of a container that are looked into


class Watch:
    """Places outside of a function, with what was there: does it all still stand?"""

    def __init__(self) -> None:
        self.cells: list[tuple[Any, Any]] = []
        self.items: list[tuple[dict, Any, Any]] = []  # a dict (of globals, of an object, ...), a key, what was there
        self.sequences: list[tuple[Any, list]] = []
        self.classes: list[tuple[type, str, Any]] = []  # a class, an attribute of its own, what was there
        self.namespaces: list[tuple[Any, dict]] = []  # an object and its __dict__
        self.kinds: list[type] = []  # the classes of these objects
        self.fields: list[tuple[Any, str, Any]] = []  # a function or class, one of dispatch.FIELDS, what was there

    def extend(self, other: Watch) -> None:
        """Watch another's places, too."""
        for name, places in vars(other).items():
            getattr(self, name).extend(places)

    def once(self) -> Watch:
        """The same places, each once."""
        found = Watch()
        found.cells = list({id(cell): (cell, x) for cell, x in self.cells}.values())
        found.items = list({(id(table), key): (table, key, x) for table, key, x in self.items}.values())
        found.classes = list({(kind, key): (kind, key, x) for kind, key, x in self.classes}.values())
        found.fields = list({(id(owner), name): (owner, name, x) for owner, name, x in self.fields}.values())
        found.sequences = list({id(sequence): (sequence, content) for sequence, content in self.sequences}.values())
        objects = {id(x): (x, space, kind) for (x, space), kind in zip(self.namespaces, self.kinds, strict=True)}
        found.namespaces = [(x, space) for x, space, _ in objects.values()]
        found.kinds = [kind for _, _, kind in objects.values()]
        return found

    def holds(self) -> bool:
        """Is everything what it was, by identity?"""
        for cell, expected in self.cells:
            if _content(cell) is not expected:
                return False
        for table, key, expected in self.items:
            if table.get(key, ABSENT) is not expected:
                return False
        for sequence, expected in self.sequences:
            if len(sequence) != len(expected) or any(a is not b for a, b in zip(sequence, expected, strict=True)):
                return False
        for (x, namespace), kind in zip(self.namespaces, self.kinds, strict=True):
            if type(x) is not kind or x.__dict__ is not namespace:
                return False
        if any(getattr(owner, name) is not expected for owner, name, expected in self.fields):
            return False
        return all(kind.__dict__.get(key, ABSENT) is expected for kind, key, expected in self.classes)


ABSENT = object()


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return ABSENT


class Shadow:
    """Makes the shadow of a function.

    Parameters
    ----------
    external : callable
        ``(array, name) -> traced array``.
    generator : callable
        ``(generator) -> what stands for it``.
    """

    def __init__(self, external: Callable, generator: Callable):
        self.external, self.generator = external, generator
        self.watch = Watch()
        self.made: dict[int, Any] = {}
        self.alive: list[Any] = []
        self.functions: list[types.FunctionType] = []  # the user's, whose code may be looked at
        self.tables: list[tuple[dict, dict, str]] = []  # shadows' namespaces, as they were made
        self.cells: list[tuple[Any, Any, str]] = []
        self.sequences: list[tuple[Any, list, str]] = []
        self.read: set[str] = set()  # the names that the functions may look up, of globals and of attributes
        self.classes: list[
            tuple[type, str, set, bool]
        ] = []  # with the keys looked at; do methods run as the class's own?
        self.asked: set[str] = set()  # attributes that may be absent, as the run asks
        self.objects: list[
            tuple[Any, Any, dict, set]
        ] = []  # with their shadows, and what these had when they were made
        self.unshadowed: dict[int, Any] = {}  # functions that run as they are, by id
        self.depth = 0
        self.given_up: str | None = None  # why no program could see changes

    def of(self, x: Any, name: str) -> Any:
        """x itself, or what stands for it in the run."""
        if id(x) in self.made:
            return self.made[id(x)]
        maker = self._maker(x)
        if maker is None:
            return x
        self.alive.append(x)
        self.made[id(x)] = x  # for what refers to itself
        self.depth += 1
        self.made[id(x)] = found = maker(x, name)
        self.depth -= 1
        if not self.depth:
            self._settle()
        return found

    def _settle(self) -> None:
        """What is read of classes, and of objects through them, once the names that might be read are known."""
        self.depth += 1
        known = -1
        while known != (known := len(self.read) + len(self.asked) + len(self.classes) + len(self.objects)):
            for x, name, done, own in self.classes:
                self._read_of_class(x, name, done, own)
            for instance, made, before, done in self.objects:
                self._read_of_object(instance, made, before, done)
        self.depth -= 1

    def _maker(self, x: Any) -> Callable | None:
        kind = type(x)
        if kind is np.ndarray:
            return self._array
        if kind is types.FunctionType:
            return self._function
        if kind is types.MethodType:
            return self._method
        if kind is CACHED:
            return self._cached
        if kind is functools.partial:
            return self._partial
        if isinstance(x, (list, tuple, dict, set, collections.deque)):
            if type(x) is tuple and not x:
                return None
            return self._container if len(x) <= MOST else self._too_large
        if isinstance(x, np.random.Generator):
            return lambda generator, name: self.generator(generator)
        if kind is types.ModuleType:
            return self._module if _users(getattr(x, "__file__", None)) else None
        if isinstance(x, type):
            return self._class if _users_class(x) else None
        if isinstance(x, Variable) or not _users_class(kind):
            return None
        return self._object if hasattr(x, "__dict__") else self._slots

    def _array(self, x: np.ndarray, name: str) -> Any:
        if x.dtype.kind not in "biufc" or not x.dtype.isnative:
            return x
        return self.external(x, name)

    def _function(self, f: types.FunctionType, name: str) -> Any:
        users = _users(f.__code__.co_filename)
        if not users and not f.__code__.co_filename.startswith(ROOM):
            return f
        table = f.__globals__
        if users:
            table = dict(f.__globals__)
        closure = None if f.__closure__ is None else tuple(types.CellType() for _ in f.__closure__)
        made = types.FunctionType(f.__code__, table, f.__name__, f.__defaults__, closure)
        made.__kwdefaults__, made.__qualname__, made.__module__ = f.__kwdefaults__, f.__qualname__, f.__module__
        self.made[id(f)] = made
        made.__dict__.update(f.__dict__)
        if users:
            self.functions.append(f)
            self._watch_function(f, made)
        if closure is not None:
            for cell, new, free in zip(f.__closure__ or (), closure, f.__code__.co_freevars, strict=True):
                content = _content(cell)
                self.watch.cells.append((cell, content))
                if content is not ABSENT:
                    new.cell_contents = self.of(content, free)
                    self.cells.append((new, new.cell_contents, free))
        if users:
            read = names(f.__code__)
            self.read |= read
            for key, stands_in in (INSTEAD | {"getattr": self._getattr, "hasattr": self._hasattr}).items():
                if key in read and key not in table:
                    table[key] = stands_in
            whole = sorted(key for key in WHOLE & global_names(f.__code__) if key not in f.__globals__)
            if whole or "__dict__" in read:
                self.given_up = f"{f.__name__} reads a whole namespace: {(*whole, '__dict__')[0]}"
            for key in global_names(f.__code__):
                self.watch.items.append((f.__globals__, key, f.__globals__.get(key, ABSENT)))
                if key in f.__globals__:
                    table[key] = self.of(table[key], key)
            self.tables.append((table, dict(table), "the global"))
        if made.__defaults__:
            made.__defaults__ = tuple(self.of(x, f"a default of {f.__name__}") for x in made.__defaults__)
        if made.__kwdefaults__:
            made.__kwdefaults__ = {key: self.of(x, key) for key, x in made.__kwdefaults__.items()}
        return made

    def _watch_function(self, f: types.FunctionType, made: types.FunctionType) -> None:
        """What a function has besides its cells and globals: code, defaults, attributes."""
        for field in ("__code__", "__defaults__", "__kwdefaults__"):
            self.watch.fields.append((f, field, getattr(f, field)))
        if f.__kwdefaults__:
            self.watch.items += [(f.__kwdefaults__, key, x) for key, x in f.__kwdefaults__.items()]
        if f.__dict__:
            self.watch.namespaces.append((f, f.__dict__))
            self.watch.kinds.append(type(f))
            for key, x in list(f.__dict__.items()):
                self.watch.items.append((f.__dict__, key, x))
                made.__dict__[key] = self.of(x, f"{f.__name__}.{key}")
            self.tables.append((made.__dict__, dict(made.__dict__), f"an attribute of {f.__name__}:"))

    def _method(self, x: types.MethodType, name: str) -> Any:
        return types.MethodType(self.of(x.__func__, name), self.of(x.__self__, name))

    def _cached(self, x: Any, name: str) -> Any:
        self._unshadowed(x.__wrapped__, name)
        return x

    def _partial(self, x: functools.partial, name: str) -> Any:
        args = [self.of(part, name) for part in x.args]
        self.watch.items += [(x.keywords, key, part) for key, part in x.keywords.items()]
        self.watch.fields += [(x, field, getattr(x, field)) for field in ("func", "args", "keywords")]
        return functools.partial(self.of(x.func, name), *args, **{k: self.of(v, k) for k, v in x.keywords.items()})

    def _container(self, x: Any, name: str) -> Any:
        made: Any
        self.of(type(x), type(x).__name__)
        if isinstance(x, dict):
            parts = {key: self.of(part, f"{name}[{key!r}]") for key, part in x.items()}
            self.watch.sequences.append((x, list(x)))
            self.watch.items += [(x, key, part) for key, part in x.items()]
            if type(x) is not dict:
                made = copy.copy(x)
                made.clear()
                made.update(parts)
                parts = made
            self.tables.append((parts, dict(parts), f"an entry of {name}"))
            return parts
        found = [self.of(part, f"{name}[{i}]") for i, part in enumerate(x)]
        if isinstance(x, tuple):
            if all(a is b for a, b in zip(found, x, strict=True)):
                return x
            return type(x)(*found) if hasattr(x, "_fields") else type(x)(found)
        self.watch.sequences.append((x, list(x)))
        made = copy.copy(x)
        if not isinstance(x, set):
            made.clear()
            made.extend(found)
        self.sequences.append((made, list(made), name))
        return made

    def _too_large(self, x: Any, name: str) -> Any:
        self.given_up = f"{name} from outside has more than {MOST} entries"
        return x

    def _slots(self, x: Any, name: str) -> Any:
        if any(getattr(kind, "__slots__", ()) for kind in type(x).__mro__):
            self.given_up = f"{name} from outside is an object with slots"
        return x

    def _class(self, x: type, name: str) -> Any:
        """A class is itself; what is read of it is watched, and what its methods read."""
        self.classes.append((x, name, set(), True))
        self.watch.fields.append((x, "__mro__", x.__mro__))
        self.of(type(x), type(x).__name__)
        return x

    def _read_of_class(self, x: type, name: str, done: set[str], own: bool) -> None:
        parts = [item for kind in filter(_users_class, x.__mro__) for item in vars(kind).items()]
        keys = {key for key, part in parts if key in self.read or (_unnamed(key, part) and key not in SETTING)}
        if not own:
            keys -= MAKING
        for key in sorted((keys | self._may_lack(x)) - done):
            done.add(key)
            for kind in filter(_users_class, x.__mro__):
                part = vars(kind).get(key, ABSENT)
                self.watch.classes.append((kind, key, part))
                if part is not ABSENT:
                    if isinstance(part, np.ndarray):
                        self.given_up = f"{name}.{key} is an array of a class"
                    function = getattr(part, "__func__", getattr(part, "fget", part))
                    if type(function) is types.FunctionType and (own or _unnamed(key, part) or function is not part):
                        self._unshadowed(function, f"{name}.{key}")
                    else:
                        self.of(function, f"{name}.{key}")

    def _unshadowed(self, f: types.FunctionType, name: str) -> None:
        """Code that Python finds by way of a class runs as it is: what it reads is watched, and must not be arrays."""
        if type(f) is not types.FunctionType or not _users(f.__code__.co_filename) or id(f) in self.unshadowed:
            return
        self.unshadowed[id(f)] = f
        arrays: list[str] = []

        def seen(x: Any, name: str = "a generator") -> Any:
            arrays.append(name)
            return x

        inner = Shadow(seen, seen)
        inner.unshadowed = self.unshadowed
        inner.of(f, name)
        self.watch.extend(inner.watch)
        self.read |= inner.read
        self.functions += inner.functions
        if inner.given_up or arrays:
            self.given_up = inner.given_up or f"{name} reads {arrays[0]}, an array from outside"

    def _getattr(self, x: Any, name: str, *default: Any) -> Any:
        self._ask(name)
        return getattr(x, name, *default)

    def _hasattr(self, x: Any, name: str) -> bool:
        self._ask(name)
        return hasattr(concrete(x), name)

    def _may_lack(self, kind: type) -> set[str]:
        """Attributes of such an object whose absence is no error."""
        return self.read if hasattr(kind, "__getattr__") or self.read & LACKING else self.asked

    def _ask(self, name: str) -> None:
        """The run looks whether there is such an attribute."""
        if name not in self.asked:
            self.asked.add(name)
            self.read.add(name)
            self._settle()

    def _object(self, x: Any, name: str) -> Any:
        try:
            made = copy.copy(x)
            content = made.__dict__
        except Exception:
            self.given_up = f"{name} from outside can not be copied"
            return x
        if content is x.__dict__ or type(made) is not type(x):  # an enum's member: its copy is itself
            self.watch.items += [(x.__dict__, key, part) for key, part in x.__dict__.items()]
            return x
        if x.__dict__ is not x.__dict__:
            self.given_up = f"{name} from outside makes its __dict__ up"
            return x
        self.made[id(x)] = made
        self.watch.namespaces.append((x, x.__dict__))
        self.watch.kinds.append(type(x))
        self.classes.append((type(x), type(x).__name__, set(), False))
        self.watch.fields.append((type(x), "__mro__", type(x).__mro__))
        for key, part in list(x.__dict__.items()):
            self.watch.items.append((x.__dict__, key, part))
            content[key] = self.of(part, f"{name}.{key}")
        before = dict(content)
        self.tables.append((content, before, f"an attribute of {name}:"))
        self.objects.append((x, made, before, set()))
        return made

    def _read_of_object(self, x: Any, made: Any, before: dict, done: set) -> None:
        """Methods of its class, whose globals are the run's; an attribute may come to stand before them."""
        for key in sorted(self._may_lack(type(x))):
            if key not in x.__dict__ and key not in done:
                done.add(key)
                self.watch.items.append((x.__dict__, key, ABSENT))
        for kind in filter(_users_class, reversed(type(x).__mro__)):
            for key, part in vars(kind).items():
                if key in self.read and key not in x.__dict__ and (kind, key) not in done:
                    done.add((kind, key))
                    self.watch.items.append((x.__dict__, key, ABSENT))
                    if type(part) is types.FunctionType:
                        made.__dict__[key] = before[key] = types.MethodType(self.of(part, key), made)

    def _module(self, x: types.ModuleType, name: str) -> Any:
        made = types.ModuleType(x.__name__, x.__doc__)
        self.made[id(x)] = made
        content = made.__dict__
        content.update(x.__dict__)
        for key, part in list(x.__dict__.items()):
            if not key.startswith("__") and not isinstance(part, (type, types.ModuleType)):
                self.watch.items.append((x.__dict__, key, part))
                content[key] = self.of(part, f"{name}.{key}")
        self.tables.append((content, dict(content), f"an attribute of {name}:"))
        return made

    def changed(self) -> str | None:
        """What the run bound anew outside of itself, which a compiled program would not do: a name, or None."""
        for cell, before, name in self.cells:
            if _content(cell) is not before:
                return f"the outer variable {name}"
        for table, before, what in self.tables:
            if len(table) != len(before):
                extra = next((key for key in table if key not in before), "?")
                return f"{what} {extra}"
            for key, value in before.items():
                if table.get(key, ABSENT) is not value:
                    return f"{what} {key}"
        for sequence, before, name in self.sequences:
            if len(sequence) != len(before) or any(a is not b for a, b in zip(sequence, before, strict=True)):
                return f"the list {name}"
        return None


def _isinstance(x: Any, kinds: Any) -> bool:
    return isinstance(concrete(x), type if kinds is _type else kinds)


def _type(*args: Any) -> Any:
    return type(*map(concrete, args))


def _hasattr(x: Any, name: str) -> bool:
    return hasattr(concrete(x), name)


# Python's questions to which a traced array is what it stands for.
INSTEAD: dict[str, Any] = {"isinstance": _isinstance, "type": _type, "hasattr": _hasattr}


LACKING = {"AttributeError", "Exception"}  # who names these may go on without an attribute
WHOLE = {"vars", "globals", "locals", "dir", "eval", "exec"}  # functions that read names which no code spells out
SETTING = {"__setattr__", "__delattr__"}  # which only code runs that sets attributes
MAKING = {"__init__", "__new__", "__post_init__", "__set_name__", "__init_subclass__", "__repr__", "__str__"}


def _unnamed(key: str, part: Any) -> bool:
    """Is this code that Python runs without its name being spelled out?"""
    return key.startswith("__") and key.endswith("__") and type(part) in (types.FunctionType, staticmethod, classmethod)


def _users_class(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    return kind.__module__ == "__main__" or (module is not None and _users(getattr(module, "__file__", None)))


def _users(file: str | None) -> bool:
    """Is this the file of the user's own code?"""
    if not file or file.startswith(ROOM):
        return False
    return not os.path.abspath(file).startswith(LIBRARIES) if file[0] != "<" else True


def names(code: types.CodeType) -> set[str]:
    """The names that a function's code may read, of globals and attributes, with those of the functions that it defines."""
    found = set(code.co_names)
    if sets_attributes(code) or found & {"setattr", "delattr"}:
        found |= SETTING
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= names(constant)
    return found


@functools.cache
def sets_attributes(code: types.CodeType) -> bool:
    return any(step.opname in ("STORE_ATTR", "DELETE_ATTR") for step in dis.get_instructions(code))


@functools.cache
def global_names(code: types.CodeType) -> frozenset[str]:
    """The global names among them."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname in GLOBALS}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= global_names(constant)
    return frozenset(found)


def drawn() -> Any:
    """The state of NumPy's and Python's global random numbers."""
    state = np.random.get_state(legacy=False)
    inner = state["state"]  # type: ignore[index]
    return (
        inner["key"].tobytes() if "key" in inner else repr(inner),
        inner.get("pos"),
        state.get("has_gauss"),  # type: ignore[union-attr]
        random.getstate(),
    )
