"""What noise does to training faces behind a denoiser: whitening and threshold."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from experiments.face_verification.noisy_pairs import distances_to, noisy_embeddings
from experiments.face_verification.probe_pairs import first_of_each
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running import content_cache
from resgn.smoothing import GaussianNoise, Whitening, noisy_threshold

FORMAT = 1
"""Part of the name in the user's cache; to be raised when embeddings would be others."""

PAIRS, SEED = 250, 2
"""Training pairs of each kind at most, and what seeds their noise."""

DRAWS = 16
"""Noisy copies of each training image, and of each reference of a smoothed verifier."""


def measured_noise(
    experiment: VerificationExperiment, cleaner: tf.keras.Model, noise: GaussianNoise
) -> tuple[Whitening, float]:
    """Whitening and threshold of the target behind a denoiser, from the cache or measured now.

    Each image of training pairs has noisy copies. They tell how the noise scatters embeddings; as
    probes they are compared with the mean of the reference's, as they will be.

    Args:
      experiment: faces and target.
      cleaner: the denoiser.
      noise: that it was trained on.
    """
    legitimate = experiment.legitimate
    drawn = legitimate.learned_from
    pairs = drawn.select(first_of_each(drawn.same, PAIRS))
    images, place = np.unique(np.r_[pairs.probe, pairs.reference], return_inverse=True)
    probe, reference = place.reshape(2, -1)

    faces = legitimate.images[images]

    def measure() -> np.ndarray:
        embed = experiment.defended(cleaner, experiment.voting_target)
        seeds = noise.seed, SEED
        return noisy_embeddings(embed, faces, noise.sigma, DRAWS, seeds).astype(np.float16)

    decides = [
        *(FORMAT, tf.__version__, experiment.critics.target_name),
        *(experiment.settings.precision, dataclasses.asdict(noise)),
    ]
    found = content_cache.kept(
        "noisy_embeddings",
        content_cache.digest(decides, [*cleaner.get_weights(), faces]),
        np.empty((len(faces), DRAWS, legitimate.embeddings.shape[1]), np.float16),
        measure,
        experiment.devices.everyone,
    ).astype(np.float32)
    whitening = Whitening.of(found)
    whitened = whitening(found).numpy()
    mean = unit(whitened.mean(axis=1))
    threshold = noisy_threshold(distances_to(whitened[probe], mean[reference]), pairs.same)
    return whitening, threshold


def unit(vectors: np.ndarray) -> np.ndarray:
    """`[..., D]` scaled to length 1."""
    found: np.ndarray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return found
