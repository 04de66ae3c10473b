"""Noises that normal faces are given of their own, for a detector that learns from no attack.

The idea is that of Wang et al., "Detecting Adversarial Faces Using Only Real Face
Self-Perturbations" (IJCAI 2023): attacks leave noise of a few kinds, so that faces with noise of
these kinds stand in for attacked ones, and neither an attack nor the network under attack is
needed. From there are noise of single points and of blocks and changes of at most 5 of 255 grey
levels. Its colour patches, which stand for attacks by generators, are left out, since nothing here
is attacked by one; `bands` and `slopes` are this project's.
"""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from weights.errors import InputError

Array: TypeAlias = NDArray[np.float64]

KINDS = ("points", "blocks", "bands", "slopes")
"""Signs of each point by itself; signs of whole squares; noise of a random band of frequencies, as
attacks leave it through networks that shrink their images; and signs of the face's own slopes."""

LARGEST_BLOCK = 16
LOWEST_FREQUENCY = 1 / 32
"""Of a band, in periods for each pixel."""


@dataclasses.dataclass(frozen=True)
class SelfPerturbation:
    """Perturbs images at random, each by one kind and strength.

    What it gives are whole grey levels, as files hold them: a detector that saw others would learn
    to tell those.

    Attributes:
      noise_levels: the largest change of a number of an image, of 255; strengths are drawn from 1
        to this.
    """

    noise_levels: int = 5

    def __post_init__(self) -> None:
        if not 1 <= self.noise_levels <= 255:
            raise InputError(f"`noise_levels` must lie from 1 to 255, got {self.noise_levels}.")

    def __call__(self, images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Perturbed images.

        Args:
          images: uint8 `[N, H, W, 3]`.
          rng: draws kinds, strengths and noises.

        Returns:
          uint8 `[N, H, W, 3]`.
        """
        perturbed = np.empty_like(images)
        for number, image in enumerate(images):
            kind = KINDS[rng.integers(len(KINDS))]
            strength = rng.integers(1, self.noise_levels + 1)
            noise = np.rint(strength * pattern(kind, image, rng))
            perturbed[number] = np.clip(image + noise, 0, 255)
        return perturbed


def pattern(kind: str, image: NDArray[np.uint8], rng: np.random.Generator) -> Array:
    """Noise of one kind of `KINDS` for one image `[H, W, 3]`: the same shape, in [-1, 1].

    Half of the time all colours change alike, as far as the kind does not follow from the image.
    """
    height, width, colours = image.shape
    drawn = (height, width, 1 if rng.random() < 0.5 else colours)
    if kind == "points":
        found = _signs(drawn, rng)
    elif kind == "blocks":
        found = _blocks(drawn, rng)
    elif kind == "bands":
        found = _band(drawn, rng)
    else:
        found = _slopes(image, rng)
    return np.broadcast_to(found, image.shape)


def _signs(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.choice([-1.0, 1.0], shape)


def _blocks(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    """Signs of squares of one random side, anywhere on the image."""
    height, width, colours = shape
    side = int(rng.integers(2, LARGEST_BLOCK + 1))
    signs = _signs((height // side + 2, width // side + 2, colours), rng)
    whole = signs.repeat(side, axis=0).repeat(side, axis=1)
    down, right = rng.integers(0, side, 2)
    return whole[down : down + height, right : right + width]


def _band(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    """White noise around one random frequency in all directions, cut at two deviations or signs."""
    height, width, _ = shape
    middle = np.exp(rng.uniform(np.log(LOWEST_FREQUENCY), np.log(0.5)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    # Half of a frequency on both sides.
    passed = np.exp(-0.5 * np.square((radius - middle) / (0.25 * middle)))
    spectrum = np.fft.rfft2(rng.standard_normal(shape), axes=(0, 1)) * passed[..., None]
    noise = np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))
    if rng.random() < 0.5:
        return np.sign(noise)
    return np.clip(noise / (2.0 * max(float(noise.std()), 1e-12)), -1.0, 1.0)


def _slopes(image: NDArray[np.uint8], rng: np.random.Generator) -> Array:
    """Signs of differences along one of eight directions, and random signs where it is flat."""
    down, right = rng.choice([(0, 1), (1, 0), (1, 1), (1, -1)]) * rng.choice([-1, 1])
    levels = image.astype(np.float64)
    found = np.sign(levels - np.roll(levels, (down, right), axis=(0, 1)))
    return np.where(found == 0.0, _signs(image.shape, rng), found)
