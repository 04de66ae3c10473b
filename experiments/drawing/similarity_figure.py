"""Figure 5 of Teng 2021: similarity to source and target against epsilon."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt

from experiments.drawing.figures import COLORS, save_figure
from experiments.running.results import Row

COLUMNS = ("source_similarity", "target_similarity")


@dataclasses.dataclass(frozen=True)
class SimilarityCurve:
    """What one attack on one network achieves.

    Attributes:
      title: above its panel.
      epsilons: ascending.
      rows: with `COLUMNS`, one for each epsilon, of stored images; where images in float say
        something else, with the same behind `float_`.
      threshold: above which two faces are one person.
    """

    title: str
    epsilons: Sequence[float]
    rows: Sequence[Row]
    threshold: float


def save_similarities(path: Path, curves: Sequence[SimilarityCurve]) -> None:
    """A panel for each curve: median similarities with their quartiles, and the threshold.

    Images in float are dashed.
    """
    columns = min(3, len(curves))
    lines = -(-len(curves) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.6 * columns, 3.6 * lines), sharey=True, squeeze=False
    )
    for unused in axes.flat[len(curves) :]:
        unused.set_axis_off()
    for curve, panel in zip(curves, axes.flat, strict=False):
        for number, name in enumerate(COLUMNS):
            cells = [row.columns[name] for row in curve.rows]
            color = COLORS[number]
            label = f"adversarial and {name.removesuffix('_similarity')}"
            middle = [cell.value for cell in cells]
            panel.plot(curve.epsilons, middle, marker=".", color=color, label=label)
            low, high = ([getattr(cell, end) for cell in cells] for end in ("low", "high"))
            floats = [
                row.columns.get(f"float_{name}", row.columns[name]).value for row in curve.rows
            ]
            if floats != middle:
                panel.plot(curve.epsilons, floats, color=color, linestyle="--", linewidth=1)
            panel.fill_between(curve.epsilons, low, high, color=color, alpha=0.2, linewidth=0)
        panel.axhline(curve.threshold, color="black", linestyle=":", linewidth=1, label="threshold")
        panel.set(title=curve.title, xlabel="epsilon", xscale="log", ylim=(-1.05, 1.05))
        panel.grid(alpha=0.3)
    for first in axes[:, 0]:
        first.set_ylabel("cosine similarity")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.tight_layout()
    figure.legend(
        handles, names, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 0.01)
    )
    save_figure(figure, path)
