"""An attack that knows nothing but verdicts, on a fit whose nearest success can be written down."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from attacks import IdentitySwap
from experiments.face_autoencoder.refinement_bench import RefinementSettings
from experiments.face_autoencoder.verdict_attack import Asked, by_verdicts, draws_of
from mofa import code as codes
from weights.errors import InputError

SIDE = 2
THRESHOLD = 0.8


def fit(images: np.ndarray) -> np.ndarray:
    """Codes that begin with the brightness of the left and of the right half."""
    code = np.zeros((len(images), codes.SIZE))
    code[:, 0] = images[:, :, : SIDE // 2].mean(axis=(1, 2, 3))
    code[:, 1] = images[:, :, SIDE // 2 :].mean(axis=(1, 2, 3))
    return code


def embed(code: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(code[:, :2], axis=-1)


def halves(left: float, right: float, noise: float = 0.0) -> np.ndarray:
    image = np.full((SIDE, SIDE, 3), left, np.float32)
    image[:, SIDE // 2 :] = right
    drawn = np.random.default_rng(0).uniform(-noise, noise, image.shape)
    return (image + drawn).astype(np.float32)


class VerdictsAlone(IdentitySwap):
    """A goal whose way nobody may ask for."""

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        raise AssertionError("the loss was asked for")


SOURCES = np.stack([halves(0.9, 0.1), halves(0.8, 0.2)])
# Some of their pixels stay behind on the straight way to them, so that it is not the shortest.
TARGETS = np.stack([halves(0.45, 0.75, 0.25), halves(0.4, 0.7, 0.3)])


def attacked(queries: int, asked: Asked) -> np.ndarray:
    ends = (tf.constant(fit(each), tf.float32) for each in (SOURCES, TARGETS))
    goal = VerdictsAlone(*(embed(each) for each in ends), THRESHOLD)
    return by_verdicts(asked, SOURCES, TARGETS, goal, queries, seed=0)


def changes(found: np.ndarray) -> np.ndarray:
    return np.abs(found - SOURCES).max(axis=(1, 2, 3))


def directions(images: np.ndarray) -> np.ndarray:
    code = fit(images)[:, :2]
    return code / np.linalg.norm(code, axis=1, keepdims=True)


def least(number: int) -> float:
    """By how much the halves of a source have to move toward each other, and on, for success."""
    moves = np.linspace(0.0, 0.8, 80_001)[:, None]
    moved = fit(SOURCES)[number, :2] + moves * [-1.0, 1.0]
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    accepted = moved @ directions(TARGETS)[number] > THRESHOLD
    rejected = moved @ directions(SOURCES)[number] < THRESHOLD
    return float(moves[np.argmax(accepted & rejected), 0])


@pytest.fixture(scope="module")
def found_and_asked() -> tuple[np.ndarray, Asked]:
    asked = Asked(fit, embed)
    return attacked(200, asked), asked


def test_the_target_is_brought_as_near_as_verdicts_allow(found_and_asked) -> None:
    found, asked = found_and_asked
    assert 150 < asked.queries / 2 <= 200
    to, source, target = (directions(each) for each in (found, SOURCES, TARGETS))
    assert ((to * target).sum(axis=1) > THRESHOLD).all()
    assert ((to * source).sum(axis=1) < THRESHOLD).all()
    nearest = np.array([least(0), least(1)])
    assert (nearest - 1e-3 < changes(found)).all()
    assert (changes(found) < 1.1 * nearest).all()


def test_more_queries_come_nearer_and_a_seed_gives_the_same(found_and_asked) -> None:
    many = found_and_asked[0]
    assert (changes(many) < changes(attacked(20, Asked(fit, embed)))).all()
    np.testing.assert_array_equal(many, attacked(200, Asked(fit, embed)))


def test_what_is_asked_has_no_gradient() -> None:
    asked = Asked(fit, embed)
    images = tf.constant(halves(0.9, 0.1)[None])
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = asked(images)
    np.testing.assert_allclose(outputs, embed(tf.constant(fit(images.numpy()), tf.float32)))
    assert tape.gradient(outputs, images) is None
    assert asked.queries == 1


@pytest.mark.parametrize(("queries", "draws"), [(2, 2), (25, 2), (100, 10), (200, 20), (999, 20)])
def test_the_first_direction_takes_a_tenth(queries: int, draws: int) -> None:
    assert draws_of(queries) == draws


@pytest.mark.parametrize("queries", [-1, 1])
def test_queries_that_cannot_be_are_refused(queries: int) -> None:
    with pytest.raises(
        InputError, match=f"`verdict_queries` must be 0 or at least 2, got {queries}"
    ):
        dataclasses.replace(RefinementSettings(), verdict_queries=queries)


def test_one_core_is_enough() -> None:
    """Where TensorFlow has one thread for operations, a refinement within one waits for ever."""
    script = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from experiments.face_autoencoder.verdict_attack import Asked, room_for_verdicts
room_for_verdicts()
import tensorflow as tf
from tests.experiments.face_autoencoder.test_verdict_attack import attacked, embed, fit

@tf.function(autograph=False)
def refine(x):
    turns = lambda i, y: (i + 1, tf.sqrt(tf.square(y)))
    return tf.while_loop(lambda i, _: i < 3, turns, (0, x))[1]

print(attacked(40, Asked(lambda images: fit(refine(images).numpy()), embed)).shape)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.stdout.endswith("(2, 2, 2, 3)\n"), done.stderr
