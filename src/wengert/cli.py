"""The command `wengert`: `wengert grad`, `wengert explore`, `wengert debug` and `wengert demo`.

What the user typed wrongly ends in one line on the error stream and exit status 2, never in a traceback.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from wengert import Variable, expression, value_and_grad

GRAD_EPILOG = """\
examples:
  wengert grad "x * sin(y)" x=1 y=2
  wengert grad "sum(w**2 * exp(-w))" "w=[1, 2, 3]"
  wengert grad "-log(p)" p=pi/4
  wengert grad path/to/file.py:function 1.0 2.0

An expression may use arithmetic, comparisons, indexing, lists, pi, e and NumPy's
mathematical functions, by their bare names. It is read, never run as Python.
With file.py:function, the file is imported and the function called with the values.
"""

EXPLORE_EPILOG = """\
examples:
  wengert explore path/to/file.py:function 1.0 2.0 --open
  wengert explore "x * sin(y)" x=1 y=2 -o page.html
"""


DEBUG_EPILOG = """\
examples:
  wengert debug path/to/file.py:loss 1.0 2.0
  wengert debug path/to/file.py:loss "[1, 2, 3]"
  wengert debug "log(x - y)" x=1 y=1

Prints where a value or a derivative stopped being finite, with the line of the file and
the reason, and where derivatives vanish, stop or are cut. The exit status is 1 if the
value or the gradient is not finite, or the function raised an error.
"""


class BadInput(Exception):
    """What the user typed cannot be used; the text says why, in one line."""


class OneLineParser(argparse.ArgumentParser):
    """An argument parser that complains in one line, without repeating its usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show ∂ shows ?
    options = parser().parse_args(protected(sys.argv[1:] if arguments is None else arguments))
    try:
        return options.run(options)
    except BadInput as error:
        print(f"wengert {options.command}: {one_line(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `wengert ... | head`
        sys.stderr.close()
        return 1


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = OneLineParser(prog="wengert", description="Exact gradients of plain NumPy code.")
    top.add_argument("--version", action="version", version=f"wengert {version('wengert')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    grad = commands.add_parser(
        "grad",
        help="differentiate an expression or a function in a file",
        description="Print a function's value and its partial derivatives.",
        epilog=GRAD_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_call(grad)
    grad.set_defaults(run=run_grad)

    debugging = commands.add_parser(
        "debug",
        help="find out where a number came from",
        description="Run a function, sweep back through it, and report what is not finite, vanishes, stops or is cut.",
        epilog=DEBUG_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_call(debugging)
    debugging.set_defaults(run=run_debug)

    explore = commands.add_parser(
        "explore",
        help="make a page in which a computation is walked through, forward and backward",
        description="Write a page that shows a computation step by step: its values forward, the chain rule backward.",
        epilog=EXPLORE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_call(explore)
    explore.add_argument("--open", action="store_true", help="show the page in the browser")
    explore.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("wengert-explore.html"),
        metavar="page.html",
        help="where to write the page (default: %(default)s)",
    )
    explore.set_defaults(run=run_explore)

    demo = commands.add_parser(
        "demo",
        help="a graph as text, a regression, a network on real digits",
        description="Show a graph with its chain rule, run a linear regression, train a network on handwritten digits; "
        "the exit status is 1 if the network stays below 96 %% on the digits it never saw.",
    )
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("wengert-demo.png"),
        metavar="FILE.png",
        help="where to save the loss curves (default: %(default)s)",
    )
    demo.set_defaults(run=run_demo)
    return top


def add_call(command: argparse.ArgumentParser) -> None:
    """What says which function to call, and with what."""
    command.add_argument("function", help="an expression such as 'x * sin(y)', or path/to/file.py:function")
    command.add_argument(
        "values",
        nargs="*",
        metavar="value",
        help="name=number for an expression, a number for each argument of a function; lists such as [1, 2] are arrays",
    )


def protected(arguments: Sequence[str]) -> list[str]:
    """The arguments, with "--" where it keeps `-log(x)` and `-1e-3` from being taken for options."""
    match list(arguments):
        case ["grad" | "debug" as command, first, *rest] if first not in ("-h", "--help", "--"):
            return [command, "--", first, *rest]
        case ["explore", *rest] if not {"-h", "--help", "--"} & set(rest):
            options, call = _options_apart(rest)
            return ["explore", *options, "--", *call]
        case unchanged:
            return unchanged


def _options_apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options of `explore`, wherever they stand, and the rest."""
    options, call, waiting = [], [], list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word in ("-o", "--output"):
            options += [word, *waiting[:1]]
            waiting = waiting[1:]
        elif word == "--open" or word.startswith("--output="):
            options.append(word)
        else:
            call.append(word)
    return options, call


def run_demo(options: argparse.Namespace) -> int:
    """The command `wengert demo`."""
    if options.output.suffix.lower() != ".png" or not options.output.absolute().parent.is_dir():
        raise BadInput(f"--output {options.output} is not a .png file in a folder that exists")
    from wengert import demo

    try:
        reached = demo.run(options.output)
    except ImportError as error:
        print(f"wengert demo: {one_line(error)}", file=sys.stderr)
        return 1
    except OSError as error:
        raise BadInput(f"cannot write {options.output}: {error.strerror}") from None
    return 0 if reached else 1


def run_debug(options: argparse.Namespace) -> int:
    """The command `wengert debug`."""
    title, _, values, function, path = called(options)
    if not values:
        raise BadInput(f"nothing to differentiate with respect to: give {title} at least one value")
    from wengert.view.debug import debug  # not at the top: the other commands do not need this room

    report = debug(function)(*values)
    if path is None and report.error is not None:  # an expression that cannot be evaluated has no line to show
        raise BadInput(complaint(report.error, title, path))
    print(report)
    return 0 if report.ok else 1


def run_grad(options: argparse.Namespace) -> int:
    """The command `wengert grad`."""
    title, names, values, function, path = called(options)
    if not values:
        raise BadInput(f"nothing to differentiate with respect to: give {title} at least one value")
    try:
        with np.errstate(all="ignore"):  # inf and nan are answers here, and are printed
            value, partials = value_and_grad(function, argnums=tuple(range(len(values))))(*values)
    except Exception as error:
        raise BadInput(complaint(error, title, path)) from None
    labels = [title, *(f"d/d{name}" for name in names)]
    width = max(map(len, labels))
    for label, number in zip(labels, [value, *partials], strict=True):
        print(f"{label:{width}} = {shown(number, width + 3)}")
    return 0


def run_explore(options: argparse.Namespace) -> int:
    """The command `wengert explore`."""
    title, names, values, function, path = called(options)
    if options.output.suffix.lower() not in (".html", ".htm") or not options.output.absolute().parent.is_dir():
        raise BadInput(f"--output {options.output} is not a .html file in a folder that exists")
    from wengert.view.explore import explore

    try:
        with np.errstate(all="ignore"):
            if path is None:  # an expression: its names are not parameters
                variables = [Variable(value).set_name(name) for name, value in zip(names, values, strict=True)]
                page = explore(function(*variables))
            else:
                page = explore(function, *values)
            page.html  # noqa: B018  (makes the page, while what goes wrong is the function's)
    except Exception as error:
        raise BadInput(complaint(error, title, path)) from None
    try:
        page.save(options.output)
    except OSError as error:
        raise BadInput(f"cannot write {options.output}: {error.strerror}") from None
    print(f"{title}: page written to {options.output}")
    if options.open:
        import webbrowser

        webbrowser.open(options.output.absolute().as_uri())
    return 0


def called(options: argparse.Namespace) -> tuple[str, list[str], list[Any], Callable[..., Any], str | None]:
    """The call that the user typed, and the file that it is in."""
    in_file = IN_FILE.fullmatch(options.function)
    if in_file:
        return *from_file(in_file["path"], in_file["name"], options.values), in_file["path"]
    return *from_expression(options.function, options.values), None


IN_FILE = re.compile(r"(?P<path>.+\.py):(?P<name>\w+)")
Call = tuple[str, list[str], list[Any], Callable[..., Any]]  # title, names of the arguments, their values, function


def from_expression(text: str, assignments: Sequence[str]) -> Call:
    """The function that an expression stands for, and where to differentiate it."""
    given: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = (part.strip() for part in assignment.partition("="))
        if not (equals and name.isidentifier()):
            raise BadInput(f"{assignment!r} is not of the form name=number")
        if name in given:
            raise BadInput(f"{name} is given twice")
        given[name] = number(value)
    try:
        tree = expression.parse(text)
    except ValueError as error:
        raise BadInput(str(error)) from None
    used = expression.names_in(tree)
    for name in given:
        if name not in used:
            raise BadInput(f"{name} is given, but does not occur in {text!r}")
    names = list(given)

    def function(*values: Any) -> Any:
        return expression.evaluate(tree, dict(zip(names, values, strict=True)))

    return text, names, list(given.values()), function


def from_file(path: str, name: str, values: Sequence[str]) -> Call:
    """A function of the user's file, and where to differentiate it."""
    numbers = [number(value) for value in values]
    function = getattr(load(Path(path)), name, None)
    if not callable(function):
        raise BadInput(f"{path} has no function {name}")
    try:
        signature = inspect.signature(function)
        bound = signature.bind(*numbers)
    except TypeError as error:
        raise BadInput(f"{name}{signature} does not fit {len(numbers)} values: {error}") from None
    except ValueError:  # a builtin that tells no signature
        return name, [f"argument {i}" for i in range(len(numbers))], numbers, function
    names = []
    for parameter, argument in bound.arguments.items():
        many = signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL
        names += [f"{parameter}[{i}]" for i in range(len(argument))] if many else [parameter]
    return f"{name}({', '.join(values)})", names, numbers, function


def load(path: Path) -> Any:
    """The user's file as a module, which finds its neighbours as if it had been run from its folder."""
    if not path.is_file():
        raise BadInput(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.absolute().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise BadInput(complaint(error, f"importing {path}", str(path))) from None
    return module


def number(text: str) -> Any:
    """A typed value: a number such as 1.5, -2e3 or pi/4, or a list of such as an array."""
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(expression.evaluate(expression.parse(text), {}))
    except (ValueError, TypeError, ArithmeticError) as error:
        raise BadInput(f"{text!r} is not a number or a list of numbers: {error}") from None
    if value.dtype.kind not in "iufc":
        raise BadInput(f"{text!r} is not a number or a list of numbers")
    value = value if value.dtype.kind == "c" else value.astype(float)
    return value[()] if value.ndim == 0 else value


def complaint(error: BaseException, title: str, path: str | None) -> str:
    """What went wrong in code that the user gave, with the line of their file where it did."""
    name = type(error).__name__
    kind = "" if name.startswith("Derivative") or path is None else f"{name}: "
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if path and Path(frame.filename).absolute() == Path(path).absolute()]
    place = f" (line {lines[-1]})" if lines else ""
    return f"{title}{place}: {kind}{error}"


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def shown(value: Any, indent: int) -> str:
    """A number with all its digits; an array on as many lines as it needs, the later ones indented to the first."""
    array = np.asarray(value)
    if array.ndim == 0:
        return str(array[()])
    return np.array2string(array, separator=", ", prefix=" " * indent, max_line_width=100)
