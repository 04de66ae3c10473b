"""Certified accuracy against the radius."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from experiments.drawing.figures import COLORS, save_figure
from experiments.running.results import Row

COLUMNS = ("dodging", "impersonation")


def save_certified(
    path: Path,
    radii: Sequence[float],
    curves: Mapping[str, list[Row]],
    published: Mapping[float, tuple[float, float]],
    others: str,
    title: str,
) -> None:
    """Rates with bands for their intervals, a panel for each kind of attack.

    Args:
      path: the PNG.
      radii: in L2.
      curves: by name a row at each radius, with `COLUMNS`.
      published: figures of somebody else by radius, one for each of `COLUMNS`.
      others: who that is.
      title: of the figure.
    """
    figure, panels = plt.subplots(1, len(COLUMNS), figsize=(9.2, 3.8), sharey=True)
    for number, (column, panel) in enumerate(zip(COLUMNS, panels, strict=True)):
        for color, (name, rows) in zip(COLORS, curves.items(), strict=False):
            cells = np.array(
                [[getattr(r.columns[column], e) for e in ("value", "low", "high")] for r in rows]
            )
            panel.plot(radii, 100 * cells[:, 0], label=name, color=color)
            panel.fill_between(
                radii, 100 * cells[:, 1], 100 * cells[:, 2], color=color, alpha=0.2, linewidth=0
            )
        values = [100 * of[number] for of in published.values()]
        panel.plot(list(published), values, "x", color="black", markersize=7, label=others)
        panel.set(title=column, xlabel="radius (L2)", ylim=(-2, 102), xlim=(0, max(radii)))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("certified (%)")
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, names, frameon=False, ncols=5, loc="upper center", bbox_to_anchor=(0.5, 0.01)
    )
    save_figure(figure, path)
