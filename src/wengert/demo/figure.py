"""The demo's picture: both trainings' loss curves, and every held-out digit that the network got wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wengert.demo.digits import TARGET, Digits, Training, predictions
from wengert.demo.regression import Regression

INK, GREY, BLUE, ORANGE = "#222222", "#8a8a8a", "#2b6cb0", "#c05621"
STYLE: Any = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.size": 9.5,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "text.color": INK,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}
STRIP = 20  # as many wrong digits as one row shows


def save(output: Path, fit: Regression, digits: Digits, network: Training) -> None:
    """Draw the picture and write it to `output`, without touching matplotlib's global state for the caller."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        picture = Figure(figsize=(12, 5.8), layout="constrained")
        rows: Any = picture.subfigures(2, 1, height_ratios=[4.5, 1.3])
        curves, strip = rows
        left, middle, right = curves.subplots(1, 3)
        regression_loss(left, fit)
        digits_loss(middle, network)
        digits_accuracy(right, network)
        wrong_digits(strip, digits, network)
        picture.savefig(output, dpi=150, facecolor="white", bbox_inches="tight", pad_inches=0.15)


def regression_loss(axes: Any, fit: Regression) -> None:
    """How far the loss still is from the exact minimum, on two log scales: it falls fast, then slowly, then fast."""
    steps = np.arange(len(fit.losses))
    axes.loglog(steps[1:], fit.losses[1:] - fit.least_squares, color=BLUE)
    axes.set(
        title="Regression: 51 parameters",
        xlabel="gradient descent step",
        ylabel="loss above the exact minimum",
    )
    note = f"minimum {fit.least_squares:.5f}\nreached {fit.losses[-1]:.5f}"
    axes.text(0.05, 0.06, note, transform=axes.transAxes, color=GREY, va="bottom", linespacing=1.5)


def digits_loss(axes: Any, network: Training) -> None:
    epochs = np.arange(1, len(network.train_losses) + 1)
    for losses, colour, label, side in (
        (network.test_losses, ORANGE, "held out", "bottom"),
        (network.train_losses, BLUE, "training", "top"),
    ):
        axes.semilogy(epochs, losses, color=colour)
        axes.annotate(
            f"{label} {losses[-1]:.3f}",
            (epochs[-1], losses[-1]),
            xytext=(0, 6 if side == "bottom" else -6),
            textcoords="offset points",
            color=colour,
            ha="right",
            va=side,
        )
    axes.set(title="Digits: two layers, 4,810 parameters", xlabel="epoch", ylabel="cross-entropy")
    axes.set_ylim(bottom=network.train_losses.min() / 1.5)


def digits_accuracy(axes: Any, network: Training) -> None:
    epochs, errors_left = np.arange(1, len(network.accuracies) + 1), 100 * (1 - network.accuracies)
    axes.semilogy(epochs, errors_left, color=ORANGE)
    axes.axhline(100 * (1 - TARGET), color=GREY, linestyle="--", linewidth=1)
    axes.text(
        epochs[-1],
        100 * (1 - TARGET) * 1.03,
        f"asked for: {100 * (1 - TARGET):.0f} %",
        color=GREY,
        ha="right",
        va="bottom",
    )
    axes.annotate(
        f"{errors_left[-1]:.1f} %",
        (epochs[-1], errors_left[-1]),
        xytext=(0, -6),
        textcoords="offset points",
        color=ORANGE,
        ha="right",
        va="top",
    )
    ticks = [2, 4, 8, 16]
    axes.set_yticks(ticks, [f"{tick} %" for tick in ticks])
    axes.minorticks_off()
    axes.set(title="Digits: held-out third misread", xlabel="epoch", ylabel="share of wrong answers", ylim=(1.8, 20))


def wrong_digits(strip: Any, digits: Digits, network: Training) -> None:
    """The held-out images that the network misread, each with the truth and its answer."""
    answers = predictions(network.parameters, digits.test_images)
    wrong = np.flatnonzero(answers != digits.test_labels)
    shown = wrong[:STRIP]
    strip.suptitle(
        f"All {len(wrong)} that it gets wrong, of {len(answers)}: what is written → what it reads"
        if len(wrong) <= STRIP
        else f"{STRIP} of the {len(wrong)} that it gets wrong, of {len(answers)}: what is written → what it reads",
        x=0.012,
        ha="left",
        fontsize=11,
        fontweight="bold",
    )
    for axes, index in zip(strip.subplots(1, STRIP), [*shown, *[None] * (STRIP - len(shown))], strict=True):
        axes.set_axis_off()
        if index is not None:
            axes.imshow(digits.test_images[index].reshape(8, 8), cmap="gray_r", interpolation="nearest")
            axes.set_title(
                f"{digits.test_labels[index]} → {answers[index]}",
                loc="center",
                fontsize=9.5,
                fontweight="normal",
                color=INK,
            )
