"""Every message that a user can meet, in one place: what happened, what was got, and the fix as code to paste."""

from __future__ import annotations

from typing import Any


class WengertError(Exception):
    """The base of the errors that only this library can raise; each is also the builtin error users expect."""


class DerivativeTypeError(WengertError, TypeError):
    """Something that cannot be differentiated, or that would drop a derivative, was asked."""


class DerivativeValueError(WengertError, ValueError):
    """Shapes, trees or arguments that do not fit."""


class FixedValueError(WengertError, AttributeError):
    """The value of a variable was to be replaced."""


class CompiledFunctionError(WengertError, RuntimeError):
    """A function can not be compiled as it is, or was not called yet."""


class FreedGraphError(WengertError, RuntimeError):
    """A graph was used after a sweep had freed it."""


def describe(value: Any) -> str:
    """What a value is, shortly: type, and shape and dtype where it has them."""
    name = getattr(value, "stands_for", type(value)).__name__  # a compiler's array is called what it stands for
    if value is None:
        return "None"
    if hasattr(value, "item") and getattr(value, "shape", None) == () and "ndarray" not in name and name != "Variable":
        return f"{name} {value}"
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type):
        return f"{name} of shape {tuple(value.shape)} and dtype {value.dtype}"
    text = repr(value)
    return f"{name} {text if len(text) <= 40 else text[:37] + '...'}"


def integer_array(value: Any) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"Cannot differentiate with respect to integers or booleans: got {describe(value)}.\n"
        "Fix: make it a float array first, x = np.asarray(x, dtype=float)."
    )


def not_numeric(value: Any) -> DerivativeTypeError:
    if isinstance(value, (list, tuple)):  # a tree to grad, but one value to Variable and check_laws
        fix = "make it an array first, x = np.asarray(x, dtype=float)."
    else:
        fix = "pass floats, complex numbers or NumPy arrays of them, or a dict, list, tuple or dataclass of those."
    return DerivativeTypeError(f"Cannot differentiate with respect to {describe(value)}.\nFix: {fix}")


def array_subclass(value: Any) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"Cannot differentiate with respect to a {type(value).__name__}: it computes otherwise than an array does.\n"
        "Fix: pass a plain array, np.asarray(x) (for a masked array choose what stands in the gaps, x.filled(0))."
    )


def not_scalar_output(value: Any, name: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"{name} needs a function that returns one real number, but it returned {describe(value)}.\n"
        "Fix: reduce it (np.sum, np.mean), or use jacobian(f) for all partials, elementwise_grad(f) for a ufunc-like f"
        + (",\nor has_aux=True for a pair (value, anything else)." if isinstance(value, tuple) else ".")
    )


def not_scalar_variable(value: Any, name: str) -> DerivativeTypeError:
    call = "L.backward(g)" if name == "backward" else f"{name}(L, g)"
    return DerivativeTypeError(
        f"{name} starts from one real number, got {describe(value)}.\n"
        f"Fix: reduce it (np.sum, np.mean), or say what to pull back: {call} with g of shape {tuple(value.shape)}."
    )


def complex_output(value: Any, name: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"{name} needs a real output, but the function returned {describe(value)}.\n"
        "Fix: take np.real(...) or np.abs(...) of it, or pass holomorphic=True for the complex derivative f'(z)."
    )


def holomorphic_needs_complex(value: Any) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"holomorphic=True needs complex inputs and outputs, got {describe(value)}.\n"
        "Fix: pass complex arguments, x = np.asarray(x, dtype=complex), or leave holomorphic out."
    )


def not_array_output(value: Any, name: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"{name} needs a function that returns numbers, but it returned {describe(value)}.\n"
        "Fix: return a number, an array, or a dict, list, tuple or dataclass of those; "
        "use has_aux=True to return anything else beside the value."
    )


def to_float(what: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"A variable was asked for its plain number, which would drop its derivative: {what}.\n"
        "Fix: use NumPy's functions (np.sin instead of math.sin) and no float(); make buffers with wengert.numpy "
        "(import wengert.numpy as np), np.zeros_like(x) or np.array([...], like=x);\n"
        "for the plain value take x.val, or stop_gradient(x) to treat it as a constant."
    )


def to_array() -> DerivativeTypeError:
    return DerivativeTypeError(
        "NumPy asked a variable for a plain array, which would drop its derivative "
        "(np.array([x, y]), np.asarray(x), buffer[i] = x on a plain array, and functions without a rule do so).\n"
        "Fix: import wengert.numpy as np, or write np.stack([x, y]), np.asarray(x, like=x), "
        "buffer = np.zeros_like(x);\nfor the plain value take x.val, for a rule of your own wengert.primitive."
    )


def plain_target(name: str, target: Any) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"{name} would write a variable into a plain {describe(target)}, and its derivative would be lost.\n"
        "Fix: make the buffer with wengert.numpy (import wengert.numpy as np), or with np.zeros_like(x), "
        "or use the returned value instead of out=."
    )


def no_resize() -> DerivativeValueError:
    return DerivativeValueError(
        "A variable cannot be resized in place: the graph refers to its memory.\nFix: y = np.resize(y, shape), or np.pad."
    )


def no_rule(function: Any) -> DerivativeTypeError:
    name = getattr(function, "__name__", repr(function))
    module = getattr(function, "__module__", None) or "numpy"
    return DerivativeTypeError(
        f"{module}.{name} has no derivative rule.\n"
        f"Fix: give one with wengert.primitive or wengert.custom_gradient, "
        f"or treat its input as a constant: {name}(stop_gradient(x))."
    )


def no_partial(function: str, argument: str, reason: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"{function} has no derivative rule with respect to its argument {argument}"
        + (f" ({reason})" if reason else "")
        + ".\nFix: pass it as a constant, wrapped in stop_gradient(...)."
    )


def bad_argnums(argnums: Any, count: int) -> DerivativeValueError:
    fix = (
        f"use an int or a tuple of distinct ints from {-count} to {count - 1}"
        if count
        else "pass the arguments to differentiate by position, grad(f)(x) and not grad(f)(x=x)"
    )
    return DerivativeValueError(
        f"argnums={argnums!r} does not name positional arguments: the call had {count}.\nFix: {fix}."
    )


def not_callable(value: Any, name: str) -> DerivativeTypeError:
    calls = {
        "jvp": "jvp(f, (x,), (t,))",
        "vjp": "vjp(f, x)",
        "linearize": "linearize(f, x)",
        "primitive": "primitive(f, rule)",
        "explain": "explain(f, x), or explain(L) for a variable L",
        "debug": "debug(f)(x), or with debug() as report: around the code",
        "explore": "explore(f, x), or explore(L) for a variable L",
    }
    return DerivativeTypeError(
        f"{name} takes a function, got {describe(value)}.\n"
        f"Fix: pass the function itself and not its value: {calls.get(name, f'{name}(f)(x)')}."
    )


def not_a_tuple(call: str, value: Any) -> DerivativeTypeError:
    return DerivativeTypeError(f"The arguments are given as a tuple, got {describe(value)}.\nFix: {call}.")


def bad_chunk_size(chunk_size: Any) -> DerivativeValueError:
    return DerivativeValueError(
        f"chunk_size is how many rows or columns go through one sweep, got {chunk_size!r}.\n"
        "Fix: use an int of at least 1, or None to let it follow from the memory."
    )


def wrong_cotangent(what: str, got: Any, wanted: Any) -> DerivativeValueError:
    return DerivativeValueError(
        f"The {what} does not fit: got {describe(got)}, needed shape {tuple(wanted.shape)} and dtype {wanted.dtype}.\n"
        f"Fix: pass a {what} like the value it belongs to, e.g. np.ones({tuple(wanted.shape)}, dtype={str(wanted.dtype)!r})."
    )


def tree_changed(what: str, got: Any, wanted: Any) -> DerivativeValueError:
    return DerivativeValueError(
        f"The structure of the {what} does not fit: got {got}, needed {wanted}.\n"
        "Fix: give it the keys, lengths and types of what it belongs to."
    )


def freed() -> FreedGraphError:
    return FreedGraphError(
        "This part of the graph was freed by an earlier backward().\n"
        "Fix: call backward(keep=True) the first time, or use gradients(L), which keeps the graph; to go on from a leaf "
        "make a new one,\nw = Variable(w.val - rate * w.grad)."
    )


def fixed_value() -> FixedValueError:
    return FixedValueError(
        "The value of a variable stays as it is: what was computed from it refers to it.\n"
        "Fix: make a new one, w = Variable(w.val - rate * w.grad); to write into an array that is differentiated, "
        "x[...] = value."
    )


def unknown_picture(path: str, known: list[str]) -> DerivativeValueError:
    return DerivativeValueError(
        f"A picture can not be saved as {path!r}: its name says no format.\n"
        f"Fix: end it in {', '.join(known[:-1])} or {known[-1]}, as in draw(L, 'graph.svg')."
    )


def not_a_variable(value: Any, name: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"{name} needs a Variable, got {describe(value)}: nothing in it remembers how it was computed.\n"
        "Fix: compute it from Variable(...) objects, or use grad(f)(x)."
    )


def not_one_variable(value: Any, name: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"{name} needs a function that returns one number or array, computed from its arguments; it returned "
        f"{describe(value)}.\n"
        f"Fix: take one of them, {name}(lambda *x: f(*x)[0], ...), or return the value instead of None."
    )


def not_scalar_derivation(value: Any) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"explain writes the derivation of one real number, got {describe(value)}.\n"
        "Fix: reduce it (np.sum, np.mean), or take one entry: explain(y[0], wrt=a)."
    )


def bad_wrt(value: Any, wanted: str, call: str) -> DerivativeTypeError:
    return DerivativeTypeError(f"wrt names {wanted}, got {describe(value)}.\nFix: {call}.")


def nothing_to_debug(args: tuple) -> DerivativeTypeError:
    got = ", ".join(map(describe, args)) or "no argument"
    return DerivativeTypeError(
        f"debug found nothing to differentiate with respect to: got {got}.\n"
        "Fix: pass floats, complex numbers or arrays of them: debug(f)(4.0) and not debug(f)(4)."
    )


def bad_local_gradients(children: Any, local_gradients: Any) -> DerivativeValueError:
    return DerivativeValueError(
        f"local_gradients must be pairs (child, partial), one or more for each child; "
        f"got {len(children)} children and local_gradients {local_gradients!r:.120}.\n"
        "Fix: Variable(val=7.0, children=(a,), local_gradients=((a, 3.0),))."
    )


def wrong_partial(name: str, partial: tuple, in_shape: tuple, out_shape: tuple) -> DerivativeValueError:
    return DerivativeValueError(
        f"A derivative of {name} does not fit: shape {partial}, for an argument of {in_shape} and output of {out_shape}.\n"
        "Fix: give a number or array that broadcasts to the output (for a function that acts entry by entry), the Jacobian, "
        f"of shape {out_shape + in_shape},\nor a linear map from wengert.linear."
    )


def not_a_page(path: Any) -> DerivativeValueError:
    return DerivativeValueError(
        f"The explorer's page is an HTML file, got the path {str(path)!r:.200}.\n"
        'Fix: end it in .html, explore(f, x, path="page.html").'
    )


def not_compiled_yet(name: str) -> CompiledFunctionError:
    return CompiledFunctionError(
        f"{name} has no program yet: one is made by the first call, and none of what runs as plain Python.\n"
        f"Fix: call {name} first; its .report() says what ran as plain Python, and why."
    )


def random_inside() -> CompiledFunctionError:
    return CompiledFunctionError(
        "The compiled function draws random numbers that would be the same in every later call.\n"
        "Fix: pass the numbers in, or a generator as an argument: f(x, np.random.default_rng(0))."
    )


def missing_extra(package: str, extra: str, what: str) -> ImportError:
    return ImportError(f'{what} needs {package}.\nFix: pip install "wengert[{extra}]"')


def not_checked(
    what: str, entry: str, analytic: Any, numeric: Any, doubt: float, tolerance: float, blamed: str
) -> AssertionError:
    return AssertionError(
        f"{what} disagrees with finite differences: {entry},\n"
        f"analytic {analytic!r}, numeric {numeric!r} ± {doubt:.1g}, tolerance {tolerance:g}.\n{blamed}\n"
        "Fix: correct the derivative rule, or check at a point away from kinks and jumps, where differences hold."
    )


def no_aux(value: Any, name: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"With has_aux=True, {name} needs a function that returns a pair (value, aux), but it returned {describe(value)}.\n"
        "Fix: return value, aux or leave has_aux out."
    )


def no_rules_returned(value: Any, name: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"A custom_gradient function returns (value, rules) with one rule for each argument; "
        f"{name} returned {describe(value)}.\n"
        "Fix: return value, (partial_of_first, partial_of_second, ...); None where the derivative is zero."
    )


def captured(name: str) -> DerivativeTypeError:
    return DerivativeTypeError(
        f"{name} uses a variable that it did not get as an argument, so its derivative would be lost.\n"
        f"Fix: pass that variable to {name} as an argument."
    )
