"""Distances of noisy probes to their references."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from resgn.faces.pairs import Pairs
from resgn.legitimate_pairs import Embed, LegitimatePairs
from resgn.target import embed_all


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
    seed = tf.constant(seeds, tf.int64)

    def noisy(images: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        own = tf.random.experimental.stateless_fold_in(seed, places[0])
        return embed(images + tf.random.stateless_normal(images.shape, own, stddev=sigma))

    found = np.empty((len(pairs), draws), np.float32)
    probes, references = (
        legitimate.images[pairs.probe],
        legitimate.embeddings[pairs.reference],
    )
    for draw in range(draws):
        # The first of a batch seeds its noise: no two batches share theirs.
        places = np.arange(len(pairs), dtype=np.int64) * draws + draw
        embeddings = embed_all(noisy, probes, beside=(places,))
        found[:, draw] = np.sum(np.square(embeddings - references), axis=-1)
    return found
