"""A classifier that tells images from the same images with noise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from detector.perturbation_detector import (
    PerturbationDetector,
    PerturbationDetectorConfig,
    TellingApart,
    classifier,
    load_perturbation_detector,
    residuals,
    save_perturbation_detector,
)
from detector.roc import RocCurve
from detector.self_perturbation import SelfPerturbation
from detector.training import Progress, Trainer, TrainingConfig
from weights import made_for
from weights.errors import InputError

CONFIG = TrainingConfig(6, 8, "adam", schedule="cosine", learning_rate=0.01, mirror=True, seed=3)
LESSON = TellingApart(SelfPerturbation(4), crop=32)


def smooth(count: int, seed: int = 0, side: int = 40) -> np.ndarray:
    """Images of a few waves."""
    rng = np.random.default_rng(seed)
    places = np.arange(side) / side
    turns = rng.uniform(0.5, 2.0, (count, 2, 1, 1, 3))
    phase = rng.uniform(0, 6, (count, 1, 1, 3))
    waves = turns[:, 0] * places[None, :, None, None] + turns[:, 1] * places[None, None, :, None]
    return (128 + 60 * np.sin(2 * np.pi * waves + phase)).astype(np.uint8)


def toy() -> tf.keras.Model:
    tf.keras.utils.set_random_seed(0)
    return classifier(PerturbationDetectorConfig(4), momentum=0.8)


class KilledError(Exception):
    pass


def test_learns_to_tell_perturbed_images_from_normal_ones(tmp_path: Path) -> None:
    reports: list[Progress] = []
    trainer = Trainer(toy(), CONFIG, tmp_path, LESSON)
    scores = PerturbationDetector(trainer.train(smooth(64), smooth(9, 5), reports.append))
    assert trainer.traces == 1
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert reports[-1].held_out < 0.6 < np.log(2)
    images = smooth(40, seed=9)
    perturbed = SelfPerturbation(4)(images, np.random.default_rng(8))
    assert RocCurve.of(scores.measure(images), scores.measure(perturbed)).auc() > 0.85


def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, epochs=2)
    images = smooth(20)
    expected = Trainer(toy(), config, tmp_path / "whole", LESSON).train(images)
    done = []

    def kill() -> None:
        done.append(1)
        if len(done) == 3:  # in the second epoch, of two steps each
            raise KilledError

    with pytest.raises(KilledError):
        Trainer(toy(), config, tmp_path / "killed", LESSON).train(images, on_step=kill)
    resumed = Trainer(toy(), config, tmp_path / "killed", LESSON).train(images)
    for a, b in zip(expected.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_pairs_are_squares_of_the_images_and_the_same_with_noise() -> None:
    images = smooth(6, side=50)
    shown = LESSON.shown(images, np.random.default_rng(0))
    assert shown.shape == (6, 2, 32, 32, 3)
    assert shown.dtype == np.uint8
    change = np.abs(shown[:, 1].astype(int) - shown[:, 0]).max(axis=(1, 2, 3))
    assert change.min() >= 1
    assert change.max() <= 4
    corners = set()
    for image, (square, _) in zip(images, shown, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image, (32, 32, 3))[:, :, 0]
        found = np.argwhere((windows == square).all(axis=(2, 3, 4)))
        assert len(found) == 1
        corners.add(tuple(found[0]))
    assert len(corners) > 1


def test_the_loss_is_the_cross_entropy_of_both() -> None:
    """A model whose logit is the mean of an image, by hand."""
    shown = np.zeros((2, 2, 32, 32, 3), np.float32)
    shown[0, 0], shown[0, 1], shown[1, 1] = 0.5, 1.0, 0.25
    mean = lambda images, training: tf.reduce_mean(images, axis=[1, 2])[:, :1]  # noqa: E731
    losses = LESSON.losses(mean, tf.constant(shown), training=True)
    right = lambda logit: -np.log(1.0 / (1.0 + np.exp(-logit)))  # noqa: E731
    expected = [(right(-0.5) + right(1.0)) / 2, (right(0.0) + right(0.25)) / 2]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert float(LESSON.minimised(losses)) == pytest.approx(np.mean(expected), rel=1e-5)


def test_residuals_see_noise_and_no_brightness() -> None:
    """One point of one level on a plane: eight ninths of it are over the mean of nine."""
    image = np.full((1, 15, 15, 3), 100.0, np.float32)
    np.testing.assert_allclose(residuals(tf.constant(image / 255.0)), 0.0, atol=1e-4)
    image[0, 7, 7] += 1.0
    found = residuals(tf.constant(image / 255.0)).numpy()[0]
    np.testing.assert_allclose(found[7, 7, :3], np.tanh(8 / 9 / 4), atol=1e-4)
    np.testing.assert_allclose(found[7, 6, :3], np.tanh(-1 / 9 / 4), atol=1e-4)
    np.testing.assert_allclose(found[7, 7, 3:], np.tanh((1 / 9 - 9 / 9 / 81) / 4), atol=1e-4)


def test_scores_are_the_logits_in_batches_and_have_gradients() -> None:
    scores = PerturbationDetector(toy())
    images = smooth(5)
    whole = scores(tf.constant(images / np.float32(255)))
    np.testing.assert_allclose(scores.measure(images, batch_size=2), whole, rtol=1e-4, atol=1e-6)
    with tf.GradientTape() as tape:
        x = tf.constant(images[:1] / np.float32(255))
        tape.watch(x)
        score = scores(x)
    assert float(tf.reduce_max(tf.abs(tape.gradient(score, x)))) > 0.0


def test_a_file_gives_the_same_scores_and_says_what_it_is_for(tmp_path: Path) -> None:
    config = PerturbationDetectorConfig(4)
    model, path = toy(), tmp_path / "self_perturbed.h5"
    content = made_for.Content("0123456789abcdef", "a.h5")
    about = {"source": "a test", **made_for.attributes({"face_model": content})}
    save_perturbation_detector(model, config, path, about)
    found = load_perturbation_detector(path, used={"face_model": content})
    images = smooth(3)
    np.testing.assert_allclose(
        found.measure(images), PerturbationDetector(model).measure(images), rtol=1e-5
    )
    assert repr(found) == "<detector of perturbed faces, a test>"
    other = made_for.Content("fedcba9876543210", "b.h5")
    with pytest.raises(InputError, match=r"was made for the face model a\.h5, not for b\.h5"):
        load_perturbation_detector(path, used={"face_model": other})


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "detector.h5"
    save_perturbation_detector(toy(), PerturbationDetectorConfig(4), path, {"network": "detector"})
    with pytest.raises(InputError, match="not a detector that learned from self-perturbed faces"):
        load_perturbation_detector(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: PerturbationDetectorConfig(0), "`filters` must lie from 1 to 256, got 0"),
        (lambda: TellingApart(SelfPerturbation(), 31), "`crop` must be at least 32, got 31"),
        (
            lambda: LESSON.shown(smooth(2, side=30), np.random.default_rng(0)),
            "`crop` must be at most 30, got 32",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, message: str) -> None:
    with pytest.raises(InputError, match=message):
        wrong()
