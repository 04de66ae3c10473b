"""A prior of skin: mean albedo with the structure of a face, and a Gaussian process around it.

No photograph goes into it. The mean is painted from masks over the mesh (lips, brows, hair, eyes,
teeth); the covariance is a sum of
  * rank-one terms, one for each way in which faces differ as a whole: skin tone, undertone, lips,
    hair and brows, beard, cheeks, iris;
  * smooth Gaussian processes over the surface at several length scales, in brightness and in
    redness, mostly symmetric: k(p, q) + k(p, q mirrored), as in Luethi et al. 2018, "Gaussian
    Process Morphable Models", Section 4,
and its 80 leading principal components are the model's albedo modes.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mofa.arrays import Array

SKIN = np.array([0.71, 0.53, 0.43])
SKIN_TONE = np.array([0.165, 0.15, 0.13])
"""One standard deviation of skin tone; two of them either way span human skin."""
HAIR = np.array([0.17, 0.12, 0.09])


@dataclasses.dataclass(frozen=True)
class Parts:
    """How much each of V vertices belongs to each part of a face, [V] in [0, 1].

    Attributes:
      lips, brows, hair, beard, cheeks, lids, rim, mouth: parts of the skin; `rim` is the edge of
        the eyelids with the lashes, `mouth` the inside of the mouth.
      iris, pupil, sclera, teeth: not skin.
      light: ambient light that reaches the vertex, in [0, 1].
    """

    lips: Array
    brows: Array
    hair: Array
    beard: Array
    cheeks: Array
    lids: Array
    rim: Array
    mouth: Array
    iris: Array
    pupil: Array
    sclera: Array
    teeth: Array
    light: Array

    @property
    def skin(self) -> Array:
        """[V], 1 where the surface is skin, hair included."""
        return 1.0 - np.clip(self.iris + self.pupil + self.sclera + self.teeth, 0.0, 1.0)


def mean(parts: Parts) -> Array:
    """The mean albedo: float64 [V, 3], RGB in [0, 1]."""
    colour = np.tile(SKIN, (len(parts.lips), 1))

    def blend(weight: Array, target: Array | list[float]) -> None:
        nonlocal colour
        colour = colour + weight[:, None] * (np.asarray(target) - colour)

    blend(0.35 * parts.cheeks, SKIN * [1.06, 0.86, 0.86])
    blend(0.30 * parts.lids, SKIN * [0.86, 0.76, 0.76])
    blend(0.12 * parts.beard, SKIN * [0.7, 0.72, 0.78])
    blend(0.85 * parts.lips, [0.66, 0.33, 0.31])
    blend(0.72 * parts.hair, HAIR)
    blend(0.80 * parts.brows, HAIR)
    blend(0.70 * parts.rim, [0.16, 0.10, 0.08])
    blend(0.90 * parts.mouth, [0.25, 0.08, 0.08])
    blend(parts.sclera, [0.86, 0.84, 0.82])
    blend(parts.iris, [0.30, 0.20, 0.13])
    blend(parts.pupil, [0.03, 0.03, 0.03])
    blend(parts.teeth, [0.82, 0.79, 0.72])
    # Inside the mouth the daylight hardly counts; elsewhere half of it is a matter of shape.
    dim = 0.55 + 0.2 * parts.mouth - 0.2 * parts.teeth
    return colour * (1.0 - dim * (1.0 - parts.light))[:, None]


def directions(parts: Parts, points: Array, rng: np.random.Generator) -> Array:
    """A factor F [3 V, R] of the covariance F F^T of the albedo.

    Args:
      parts: the masks.
      points: [V, 3] in mm, x = 0 in the mirror plane.
      rng: picks the inducing points of the processes.

    Returns:
      float64 [3 V, R]; the albedo's deviation from the mean is F @ N(0, 1).
    """
    skin = parts.skin
    bare = skin * (1.0 - 0.75 * parts.hair) * (1.0 - 0.8 * parts.brows) * (1.0 - 0.6 * parts.mouth)
    bare = bare * (1.0 - 0.6 * parts.rim)
    dark = np.maximum(parts.hair, parts.brows)

    def column(weight: Array, colour: list[float] | Array) -> Array:
        return (weight[:, None] * np.asarray(colour)).reshape(-1, 1)

    factor = [
        column(bare * (1.0 - 0.35 * parts.lips) + 0.2 * dark + 0.25 * parts.iris, SKIN_TONE),
        column(bare, [0.022, -0.006, -0.035]),
        column(parts.lips, [0.02, -0.025, -0.02]),
        column(parts.lips, [-0.03, -0.025, -0.022]),
        column(dark, [0.09, 0.07, 0.05]),
        column(parts.hair, [0.07, 0.06, 0.05]),
        column(dark, [0.02, 0.004, -0.006]),
        column(parts.brows, [0.06, 0.05, 0.04]),
        column(parts.beard, [-0.035, -0.03, -0.024]),
        column(parts.cheeks, [0.012, -0.018, -0.014]),
        column(parts.lids, [-0.035, -0.04, -0.03]),
        column(parts.iris, [0.035, 0.04, 0.04]),
        column(parts.iris, [-0.05, 0.01, 0.06]),
        column(parts.sclera, [0.02, 0.02, 0.02]),
    ]
    brightness = np.array([1.0, 0.93, 0.85])
    redness = np.array([0.35, -0.55, -0.5])
    for length, amount, red in ((45.0, 0.030, 0.018), (20.0, 0.022, 0.014), (10.0, 0.014, 0.008)):
        smooth = _gaussian_process(points, length, rng)
        smooth = (bare[:, None] * smooth)[:, None, :]
        factor += [
            (smooth * colour[None, :, None]).reshape(3 * len(points), -1)
            for colour in (amount * brightness, red * redness)
        ]
    return np.concatenate(factor, axis=1)


def _gaussian_process(
    points: Array, length: float, rng: np.random.Generator, symmetry: float = 0.8
) -> Array:
    """A factor [V, M] of a unit-variance covariance over the points (Nystroem's method)."""
    inducing = points[rng.choice(len(points), min(400, len(points)), replace=False)]
    mirror = np.array([-1.0, 1.0, 1.0])

    def kernel(a: Array, b: Array) -> Array:
        def radial(b: Array) -> Array:
            squared = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2.0 * a @ b.T
            return np.exp(-0.5 * np.maximum(squared, 0.0) / length**2)

        return (radial(b) + symmetry * radial(b * mirror)) / (1.0 + symmetry)

    values, vectors = np.linalg.eigh(kernel(inducing, inducing))
    kept = values > 1e-6 * values.max()
    return kernel(points, inducing) @ (vectors[:, kept] / np.sqrt(values[kept]))
