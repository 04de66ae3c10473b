"""Figures in one style: colour-blind safe, readable in print and on a screen."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

from experiments.running.results import Measurement, Row
from resgn.calibration import RocCurve
from weights.atomic import atomic_path

# Okabe and Ito's palette.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")

plt.rcParams.update(
    {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=COLORS),
        "figure.dpi": 150,
        "savefig.bbox": "tight",
    }
)


@dataclasses.dataclass(frozen=True)
class HeatMap:
    """Rates over two quantities.

    Attributes:
      title: of the panel.
      cells: rows from top to bottom.
      across: what each column is called.
      down: what each row is called.
      across_label: the quantity that changes from column to column.
      down_label: the quantity that changes from row to row.
    """

    title: str
    cells: list[list[Measurement]]
    across: list[str]
    down: list[str]
    across_label: str
    down_label: str


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG whole or not at all, and close the figure."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
    plt.close(figure)


def save_roc(path: Path, curves: Mapping[str, RocCurve]) -> None:
    """True against false accept rate, the latter on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(5, 4))
    for name, curve in curves.items():
        far = np.maximum(curve.far, 1e-4)
        axes.step(far, curve.tar, where="post", label=f"{name}, AUC {curve.auc():.4f}")
    axes.set(
        xscale="log",
        xlim=(1e-4, 1),
        ylim=(0, 1.02),
        xlabel="false accept rate",
        ylabel="true accept rate",
        title="Verification",
    )
    axes.grid(alpha=0.3)
    # Steep curves leave room below them, flat ones above.
    flat = min(curve.auc() for curve in curves.values()) < 0.85
    axes.legend(loc="upper left" if flat else "lower right", frameon=False, fontsize="small")
    save_figure(figure, path)


def save_bars(path: Path, rows: list[Row], title: str) -> None:
    """Rates with their intervals, a group of bars for each row, the paper's figures as ticks.

    Where a row lacks a column it has no bar.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row.columns))
    width = 0.8 / len(columns)
    figure, axes = plt.subplots(figsize=(1.6 + 0.95 * len(rows), 4))
    places = np.arange(len(rows))
    explained = False
    colors = list(itertools.islice(itertools.cycle(COLORS), len(columns)))
    for number, column in enumerate(columns):
        there = [place for place, row in enumerate(rows) if column in row.columns]
        cells = [rows[place].columns[column] for place in there]
        values = 100 * np.array([cell.value for cell in cells])
        ends = [
            [100 * (c.value - (c.low if c.low is not None else c.value)) for c in cells],
            [100 * ((c.high if c.high is not None else c.value) - c.value) for c in cells],
        ]
        x = places[there] + (number - (len(columns) - 1) / 2) * width
        axes.bar(x, values, width, yerr=ends, label=column, color=colors[number], capsize=2)
        paper = [(at, 100 * c.paper) for at, c in zip(x, cells, strict=True) if c.paper is not None]
        if paper:
            axes.plot(
                *zip(*paper, strict=True),
                linestyle="none",
                marker="_",
                markersize=12,
                markeredgewidth=2,
                color="black",
                label=None if explained else "paper",
            )
            explained = True
    axes.set(ylim=(0, 104), ylabel="verified correctly (%)", title=title)
    names = [row.name.replace("+", "\n+ ").replace("_", "\n") for row in rows]
    axes.set_xticks(places, names, fontsize=8)
    axes.legend(
        frameon=False, ncols=len(columns) + 1, loc="upper center", bbox_to_anchor=(0.5, -0.16)
    )
    save_figure(figure, path)


def save_heat_maps(path: Path, maps: list[HeatMap], title: str) -> None:
    """Panels side by side; in each cell the rate in percent, the paper's below it in brackets."""
    widths = [0.9 * len(panel.across) + 1.2 for panel in maps]
    height = 0.75 * max(len(panel.down) for panel in maps) + 1.6
    figure, axes = plt.subplots(
        1, len(maps), figsize=(sum(widths), height), width_ratios=widths, squeeze=False
    )
    for panel, place in zip(maps, axes[0], strict=True):
        values = 100 * np.array([[cell.value for cell in row] for row in panel.cells])
        place.imshow(values, cmap="cividis", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(values):
            paper = panel.cells[row][column].paper
            place.text(
                column,
                row,
                f"{value:.1f}" + (f"\n[{100 * paper:.1f}]" if paper is not None else ""),
                ha="center",
                va="center",
                color="black" if value > 50 else "white",
            )
        place.set(title=panel.title, xlabel=panel.across_label, ylabel=panel.down_label)
        place.set_xticks(range(len(panel.across)), panel.across)
        place.set_yticks(range(len(panel.down)), panel.down)
        place.spines[:].set_visible(False)
        place.tick_params(length=0)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    save_figure(figure, path)


def save_curves(
    path: Path,
    places: Sequence[float],
    curves: Mapping[str, list[Row]],
    columns: Sequence[str],
    label: str,
    title: str,
    mark: float | None = None,
) -> None:
    """Rates over one quantity with bands for their intervals, a panel for each column.

    Args:
      path: the PNG.
      places: values of the quantity.
      curves: for each curve a row at each of `places`.
      columns: of the rows, one panel each.
      label: of the quantity.
      title: of the figure.
      mark: a value of the quantity that a dotted line marks.
    """
    figure, axes = plt.subplots(1, len(columns), figsize=(4.6 * len(columns), 3.8), sharey=True)
    for column, panel in zip(columns, np.atleast_1d(axes), strict=True):
        for number, (name, rows) in enumerate(curves.items()):
            cells = [row.columns[column] for row in rows]
            color = COLORS[number % len(COLORS)]
            panel.plot(places, [100 * c.value for c in cells], marker=".", label=name, color=color)
            ends = [
                [100 * (c.value if end is None else end) for c, end in pairs]
                for pairs in (
                    [(c, c.low) for c in cells],
                    [(c, c.high) for c in cells],
                )
            ]
            panel.fill_between(places, *ends, color=color, alpha=0.2, linewidth=0)
            paper = [
                (place, 100 * cell.paper)
                for place, cell in zip(places, cells, strict=True)
                if cell.paper is not None
            ]
            if paper:
                at, values = zip(*paper, strict=True)
                panel.plot(at, values, "x", color=color, markersize=7, label=f"{name}, paper")
        if mark is not None:
            panel.axvline(mark, color="black", linestyle=":", linewidth=1)
        panel.set(title=column, xlabel=label, ylim=(-2, 102))
        panel.grid(alpha=0.3)
    np.atleast_1d(axes)[0].set_ylabel("verified correctly (%)")
    handles, names = np.atleast_1d(axes)[0].get_legend_handles_labels()
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figure.legend(
        handles, names, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 0.01)
    )
    save_figure(figure, path)
