"""Scores of normal and attacked faces: their ROC and their histograms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from detector.roc import RocCurve
from detector.scores import SCORES
from experiments.drawing.figures import COLORS, save_figure

Scores = Mapping[str, np.ndarray]
"""Numbers `[N]` by the name of the score."""


def save_histograms(path: Path, normal: Scores, attacked: Mapping[str, Scores]) -> None:
    """A panel for each score.

    Args:
      path: the PNG.
      normal: scores of faces as they are.
      attacked: of attacked faces, by the name of the attack.
    """
    figure, axes = plt.subplots(1, len(SCORES), figsize=(3.4 * len(SCORES), 3.2), squeeze=False)
    shown: Mapping[str, Scores] = {"normal": normal, **attacked}
    for score, panel in zip(SCORES, axes[0], strict=True):
        values = np.concatenate([scores[score] for scores in shown.values()])
        edges = np.linspace(values.min(), values.max() + 1e-9, 25)
        for number, (name, scores) in enumerate(shown.items()):
            color = COLORS[number % len(COLORS)]
            panel.hist(
                scores[score], edges, histtype="step", color=color, label=name, linewidth=1.5
            )
        panel.set(title=score, xlabel="score")
    axes[0, 0].set_ylabel("faces")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.tight_layout()
    figure.legend(
        handles, labels, frameon=False, ncols=5, loc="upper center", bbox_to_anchor=(0.5, 0.01)
    )
    save_figure(figure, path)


def save_detection_rocs(path: Path, normal: Scores, attacked: Mapping[str, Scores]) -> None:
    """A panel for each attack with a curve for each score; see `save_histograms`."""
    figure, axes = plt.subplots(
        1, len(attacked), figsize=(3.2 * len(attacked), 3.2), sharey=True, squeeze=False
    )
    for (name, scores), panel in zip(attacked.items(), axes[0], strict=True):
        for number, score in enumerate(SCORES):
            roc = RocCurve.of(normal[score], scores[score])
            label = f"{score}, AUC {roc.auc():.3f}"
            panel.step(
                roc.false_alarms, roc.detections, where="post", color=COLORS[number], label=label
            )
        panel.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
        panel.set(title=name, xlabel="false alarms", xlim=(0, 1), ylim=(0, 1.02))
        panel.legend(frameon=False, fontsize=7, loc="lower right")
        panel.grid(alpha=0.3)
    axes[0, 0].set_ylabel("attacks caught")
    figure.tight_layout()
    save_figure(figure, path)
