"""Figure 6 of Teng 2021 with the numbers of each face below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt

from experiments.drawing.figures import save_figure
from mofa.arrays import Array


def save_figure_6(
    path: Path,
    images: Mapping[str, Array],
    reconstructions: Mapping[str, Array],
    numbers: Mapping[str, Sequence[tuple[float, float]]],
) -> None:
    """A row for each pair; for each kind of image a column, and one for its reconstruction.

    Args:
      path: the PNG.
      images: by kind, float32 [N, H, W, 3] in [0, 1].
      reconstructions: by kind, of the same shape.
      numbers: by kind, for each image distance of Eq. 1 and cosine similarity to the original.
    """
    count = len(next(iter(images.values())))
    figure, axes = plt.subplots(
        count,
        2 * len(images),
        figsize=(2.4 * len(images), 1.5 * count + 0.3),
        squeeze=False,
        gridspec_kw={"wspace": 0.04, "hspace": 0.22},
    )
    for column, (name, each) in enumerate(images.items()):
        for row in range(count):
            place, beside = axes[row, 2 * column], axes[row, 2 * column + 1]
            place.imshow(each[row])
            beside.imshow(reconstructions[name][row])
            distance, similarity = numbers[name][row]
            beside.set_xlabel(f"d {distance:.3f}, s {similarity:.2f}", fontsize=7, labelpad=2)
            for panel in (place, beside):
                panel.set_xticks([])
                panel.set_yticks([])
                panel.spines[:].set_visible(False)
        axes[0, 2 * column].set_title(name, fontsize=8)
    figure.text(
        0.5,
        0.02,
        "Below each reconstruction: d, distance of Eq. 1, and s, similarity of identity, both to "
        "the original.",
        ha="center",
        fontsize=8,
    )
    save_figure(figure, path)
