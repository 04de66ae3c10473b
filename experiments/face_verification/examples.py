"""Single pairs of faces to look at: reference, probe, attacked, cleaned, and their distances."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes

from experiments.drawing.figures import COLORS, save_figure
from experiments.running.results import Measurement, Row
from resgn.faces.image_file import write_image
from resgn.target import embed_all, to_float
from resgn.verification import squared_distance
from resgn.verification_set import VerificationSet

RIGHT, WRONG = COLORS[2], COLORS[3]


@dataclasses.dataclass(frozen=True, eq=False)
class Example:
    """One pair; images are float32 `[H, W, 3]` in [0, 1].

    Attributes:
      name: the attack and a number.
      same: whether the pair shows one person.
      threshold: of the target.
      images: `reference`, `probe`, `adversarial` and `cleaned`.
      distances: of the last three to the reference.
    """

    name: str
    same: bool
    threshold: float
    images: dict[str, np.ndarray]
    distances: dict[str, float]

    def measurements(self) -> dict[str, Measurement]:
        """The row of `result.json`: distances and threshold."""
        values = self.distances | {"threshold": self.threshold}
        return {name: Measurement.bare(value, 1) for name, value in values.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class Judge:
    """Looks at single pairs.

    Attributes:
      embed: the target, from images `[N, H, W, 3]` in [0, 1] to unit embeddings.
      cleaner: from images to images.
      threshold: of the target.
    """

    embed: Callable[[tf.Tensor], tf.Tensor]
    cleaner: tf.keras.Model
    threshold: float

    def example(
        self,
        name: str,
        same: bool,
        reference: np.ndarray,
        probe: np.ndarray,
        adversarial: np.ndarray,
    ) -> Example:
        """Clean and compare; images are uint8 `[H, W, 3]`."""
        images = to_float(np.stack([reference, probe, adversarial]))
        cleaned = self.cleaner(images[2:], training=False)
        images = tf.concat([images, cleaned], axis=0)
        embeddings = self.embed(images)
        distances = squared_distance(embeddings[1:], embeddings[:1]).numpy()
        names = ("probe", "adversarial", "cleaned")
        return Example(
            name,
            same,
            self.threshold,
            dict(zip(("reference", *names), images.numpy(), strict=True)),
            {each: float(value) for each, value in zip(names, distances, strict=True)},
        )


def medians(
    pairs: VerificationSet,
    embed: Callable[[tf.Tensor], tf.Tensor],
    defended: Callable[[tf.Tensor], tf.Tensor],
) -> list[Row]:
    """Distances over all pairs of a kind, as median and quartiles: what single pairs stand for.

    Args:
      pairs: under attack.
      embed: the target, compiled.
      defended: the target behind the cleaner, compiled.
    """
    distances = {
        "probe": pairs.distances(pairs.embeddings[pairs.probe]),
        "adversarial": pairs.distances(embed_all(embed, pairs.adversarial, 32)),
        "cleaned": pairs.distances(embed_all(defended, pairs.adversarial, 32)),
    }
    return [
        Row(
            f"{kind}, median of {np.count_nonzero(chosen)}",
            {name: Measurement.quartiles(values[chosen]) for name, values in distances.items()}
            | {"threshold": Measurement.bare(pairs.threshold, 1)},
        )
        for kind, chosen in (("dodging", pairs.same), ("impersonation", ~pairs.same))
    ]


def save_gallery(path: Path, examples: list[Example], epsilon: float, title: str) -> None:
    """All examples below each other, the changes amplified; two screen pixels for each pixel.

    Args:
      path: the PNG.
      examples: from top to bottom.
      epsilon: of the attack; a change by that much is shown as black or white.
      title: of the figure.
    """
    heads = (
        "reference",
        "probe",
        "attacked",
        f"perturbation, {0.5 / epsilon:.0f} times",
        "cleaned",
        f"what is left, {0.5 / epsilon:.0f} times",
    )
    figure, axes = plt.subplots(
        len(examples), len(heads), figsize=(2.2 * len(heads), 2.75 * len(examples)), squeeze=False
    )
    for places, example in zip(axes, examples, strict=True):
        images, distances = example.images, example.distances
        _show(places[0], images["reference"], f"same below {example.threshold:.3f}")
        for place, name in ((1, "probe"), (2, "adversarial"), (4, "cleaned")):
            judged = distances[name] < example.threshold
            _show(
                places[place],
                images[name],
                f"distance {distances[name]:.3f}\n{'same' if judged else 'different'} person: "
                f"{'right' if judged == example.same else 'wrong'}",
                RIGHT if judged == example.same else WRONG,
            )
        for place, name in ((3, "adversarial"), (5, "cleaned")):
            change = (images[name] - images["probe"]) / (2 * epsilon)
            _show(places[place], np.clip(0.5 + change, 0, 1))
        places[0].set_ylabel(example.name)
    for place, head in zip(axes[0], heads, strict=True):
        place.set_title(head, fontsize=10)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    save_figure(figure, path)


def _show(place: Axes, image: np.ndarray, text: str = "", color: str = "black") -> None:
    place.imshow(image, vmin=0, vmax=1, interpolation="lanczos")
    place.set_xlabel(text, color=color, fontsize=9)
    place.set_xticks([])
    place.set_yticks([])
    place.spines[:].set_visible(text != "" and color != "black")
    place.spines[:].set_color(color)
    place.spines[:].set_linewidth(2)


def save_images(folder: Path, examples: list[Example]) -> None:
    """Every image as a PNG of its own size, `<example>_<image>.png`."""
    for example in examples:
        for name, image in example.images.items():
            write_image(folder / f"{example.name.replace(' ', '_')}_{name}.png", image)
