"""Embeddings of noisy copies behind a denoiser, and their distances to references."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from resgn.faces.pairs import Pairs
from resgn.legitimate_pairs import Embed, LegitimatePairs
from resgn.target import embed_all


def noisy_embeddings(
    embed: Embed, images: np.ndarray, sigma: float, draws: int, seeds: tuple[int, int]
) -> np.ndarray:
    """Embeddings of noisy copies of images.

    Args:
      embed: denoiser and target.
      images: uint8, or float32 in [0, 1], `[N, H, W, 3]`.
      sigma: standard deviation of the noise, which is not clipped.
      draws: copies of each image.
      seeds: of the noise.

    Returns:
      float32 `[N, draws, D]`.
    """
    seed = tf.constant(seeds, tf.int64)

    def noisy(images: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        own = tf.random.experimental.stateless_fold_in(seed, places[0])
        return embed(images + tf.random.stateless_normal(images.shape, own, stddev=sigma))

    # The first of a batch seeds its noise: no two batches share theirs.
    places = np.arange(len(images), dtype=np.int64) * draws
    found = [embed_all(noisy, images, beside=(places + draw,)) for draw in range(draws)]
    return np.stack(found, axis=1)


def noisy_distances(
    embed: Embed,
    legitimate: LegitimatePairs,
    pairs: Pairs,
    sigma: float,
    draws: int,
    seeds: tuple[int, int],
) -> np.ndarray:
    """Squared distances of noisy copies of each probe, behind a denoiser, to the reference.

    Args:
      embed: denoiser and target.
      legitimate: images and the references' embeddings.
      pairs: rows of those.
      sigma: standard deviation of the noise, which is not clipped.
      draws: copies of each probe.
      seeds: of the noise.

    Returns:
      float32 `[P, draws]`, in [0, 4].
    """
    found = noisy_embeddings(embed, legitimate.images[pairs.probe], sigma, draws, seeds)
    return distances_to(found, legitimate.embeddings[pairs.reference])


def distances_to(probes: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Squared distances `[P, K]` of embeddings `[P, K, D]` to references `[P, D]`."""
    found: np.ndarray = np.sum(np.square(probes - references[:, np.newaxis]), axis=-1)
    return found
