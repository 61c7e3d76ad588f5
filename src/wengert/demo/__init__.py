"""The demo: `wengert demo` shows the seed's graph, runs the seed's regression and trains a network on real digits.

Each part is a module that reads as an example; this one runs them in turn, prints the figures and saves the picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from wengert import draw, explore
from wengert.core import errors
from wengert.demo import digits, figure, regression, seed_graph

__all__ = ["run"]

NEEDED = {
    "llvmlite": "llvmlite",
    "matplotlib": "matplotlib",
    "scikit-learn": "sklearn",
    "tqdm": "tqdm",
}  # package: module


def run(output: Path) -> bool:
    """Run all three parts, print what they find, and save the loss curves as PNG, beside them the graph as SVG and as a page.

    Returns
    -------
    bool
        Whether the network reached the accuracy asked of it on the digits it never saw.

    Raises
    ------
    ImportError
        At once, if something that the demo needs is not installed.
    """
    for package, module in NEEDED.items():
        if find_spec(module) is None:
            raise errors.missing_extra(package, "demo", "The demo")

    heading("1. A graph that you can read")
    print(seed_graph.report())

    drawn = output.with_suffix(".svg")
    draw(seed_graph.seed_graph()[0], drawn)
    page = explore(seed_graph.two_factors, 4.0, 1.0, path=output.with_suffix(".html"))
    print(f"\nThe picture of it saved as {drawn}")
    print(
        f"A page to walk through it, forward and backward, saved as {output.with_suffix('.html')} ({len(page.html) // 1000} kB)"
    )

    heading("2. Linear regression, 51 parameters, plain gradient descent")
    X, y = regression.data()
    started = time.perf_counter()
    fit = regression.train(X, y, progress=progress_bar("regression", "step"))
    print(f"loss            {fit.losses[0]:.6f} -> {fit.losses[-1]:.6f} in {len(fit.losses) - 1:,} steps")
    print(f"least squares   {fit.least_squares:.6f}, the exact minimum")
    print(f"time            {time.perf_counter() - started:.2f} s")

    heading("3. Handwritten digits, a two-layer network, mini-batches")
    images = digits.data()
    started = time.perf_counter()
    network = digits.train(images, progress=progress_bar("digits", "epoch"))
    count, accuracy = len(images.test_labels), network.accuracies[-1]
    wrong = round((1 - accuracy) * count)
    print(f"training loss   {network.train_losses[0]:.4f} -> {network.train_losses[-1]:.4f}")
    print(f"held-out loss   {network.test_losses[0]:.4f} -> {network.test_losses[-1]:.4f}")
    print(
        f"accuracy        {accuracy:.2%} of {count} digits never trained on ({wrong} wrong; asked for: {digits.TARGET:.0%})"
    )
    print(f"time            {time.perf_counter() - started:.2f} s")
    eager, compiled = digits.step_times(images)
    print(
        f"one step        {1e6 * eager:.0f} µs as plain Python, {1e6 * compiled:.0f} µs compiled: "
        f"{eager / compiled:.1f} times faster"
    )

    figure.save(output, fit, images, network)
    print(f"\nLoss curves saved as {output}")
    return bool(accuracy >= digits.TARGET)


def heading(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}", flush=True)


def progress_bar(what: str, unit: str) -> Callable[[Iterable[int]], Iterable[int]]:
    """What to wrap a training loop's range in, so that it shows how far it is."""
    from tqdm import tqdm

    return lambda steps: tqdm(steps, desc=what, unit=f" {unit}", ncols=80)
