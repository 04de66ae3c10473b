from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa import identity_training
from mofa.identity import (
    IdentityClassifier,
    IdentityConfig,
    balanced_threshold,
    build,
    check_pairs,
    load_identity,
    on_images,
    pair_similarities,
)
from mofa.identity_training import (
    IdentityFaces,
    IdentityTrainingConfig,
    augment,
    embed_all,
    train_identity,
)
from weights import keras_h5
from weights.errors import InputError

CODE = IdentityConfig("code", people=4, embedding=6, units=16)
IMAGE = IdentityConfig("image", people=4, embedding=6, width=0.0625, input_size=32)


def faces(people: int, each: int, seed: int) -> IdentityFaces:
    """Codes in which every person has a place of its own."""
    rng = np.random.default_rng(seed)
    places = 2.0 * rng.normal(size=(people, codes.SIZE))
    labels = np.repeat(np.arange(people), each)
    noise = rng.normal(size=(len(labels), codes.SIZE))
    return IdentityFaces((places[labels] + noise).astype(np.float32), labels)


@pytest.mark.parametrize("config", [CODE, IMAGE])
def test_embeddings_are_unit_and_logits_are_scaled_cosines(config: IdentityConfig) -> None:
    classifier = IdentityClassifier(build(config), config, 0.3)
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(3, codes.SIZE) if config.kind == "code" else (3, 40, 40, 3))
    x = tf.constant(x, tf.float32)
    embedding, logits = classifier.embed(x).numpy(), classifier.logits(x).numpy()
    assert embedding.shape == (3, 6)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=-1), 1.0, rtol=1e-5)
    kernel = classifier._model.get_layer("people").get_weights()[0]
    expected = 16.0 * embedding @ (kernel / np.linalg.norm(kernel, axis=0))
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert classifier.paper_threshold == {"code": 0.174, "image": 0.413}[config.kind]


def test_identity_parts_see_shape_and_albedo_alone() -> None:
    config = dataclasses.replace(CODE, parts="identity")
    classifier = IdentityClassifier(build(config), config, 0.3)
    x = np.random.default_rng(0).normal(size=(2, codes.SIZE)).astype(np.float32)
    other = x.copy()
    for name in ("expression", "rotation", "translation", "light"):
        other[:, codes.SLICES[name]] += 1.0
    np.testing.assert_array_equal(classifier.embed(x), classifier.embed(other))
    other[:, codes.SLICES["albedo"]] += 1.0
    assert np.abs(classifier.embed(x) - classifier.embed(other)).max() > 1e-3


def test_threshold_by_hand() -> None:
    similarities = np.array([0.9, 0.8, 0.7, 0.3, 0.2])
    same = np.array([True, True, False, True, False])
    # Above 0.75: 2 of 3 accepted, 2 of 2 rejected; every other cut is worse.
    threshold, accuracy = balanced_threshold(similarities, same)
    assert threshold == pytest.approx(0.75)
    assert accuracy == pytest.approx(0.5 * (2 / 3 + 1))


def test_threshold_does_not_cut_between_equal_values() -> None:
    similarities = np.array([0.5, 0.5, 0.1])
    threshold, accuracy = balanced_threshold(similarities, np.array([True, False, False]))
    assert threshold == pytest.approx(0.3)
    assert accuracy == pytest.approx(0.75)


def test_threshold_agrees_with_trying_every_cut() -> None:
    rng = np.random.default_rng(1)
    similarities = rng.integers(0, 12, 60) / 12.0
    same = rng.random(60) < 0.3
    _, accuracy = balanced_threshold(similarities, same)
    best = max(
        0.5 * ((similarities[same] > cut).mean() + (similarities[~same] <= cut).mean())
        for cut in np.arange(-0.04, 1.0, 1 / 24)
    )
    assert accuracy == pytest.approx(best)


def test_threshold_needs_both_kinds_of_pairs() -> None:
    for same in (True, False):
        with pytest.raises(InputError, match="pairs of one person and pairs of two"):
            balanced_threshold(np.array([0.1, 0.2]), np.array([same, same]))
    check_pairs(np.array([3, 3, 5]), "test")
    for people, said in (
        ([3, 3, 3], "The test part has 3 pictures of 1 people; verification needs two people"),
        ([1, 2, 3, 4], "The test part has 4 pictures of 4 people"),
        ([], "The test part has 0 pictures of 0 people"),
    ):
        with pytest.raises(InputError, match=said):
            check_pairs(np.array(people, int), "test")


def test_pairs_by_hand() -> None:
    embeddings = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], np.float32)
    similarities, same = pair_similarities(embeddings, np.array([3, 3, 5]))
    np.testing.assert_allclose(similarities, [0.6, 0.0, 0.8], atol=1e-6)
    np.testing.assert_array_equal(same, [True, False, False])


def test_a_file_gives_the_same_classifier(tmp_path: Path) -> None:
    classifier = IdentityClassifier(build(CODE), CODE, 0.25)
    classifier.save(tmp_path / "c.h5", "test")
    again = load_identity(tmp_path / "c.h5", "code")
    assert (again.threshold, again.config) == (0.25, CODE)
    x = np.random.default_rng(0).normal(size=(4, codes.SIZE)).astype(np.float32)
    np.testing.assert_allclose(again.embed(x), classifier.embed(x), atol=5e-3)
    with pytest.raises(InputError, match="classifies by code; one by image is needed"):
        load_identity(tmp_path / "c.h5", "image")
    with pytest.raises(InputError, match="train_identity"):
        load_identity(tmp_path / "none.h5")
    (tmp_path / "bad.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError):
        load_identity(tmp_path / "bad.h5")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *(("threshold", value, "its threshold is") for value in (np.nan, 1.0, -1.0, np.inf)),
        ("units", np.inf, "infinity to integer"),
        ("people", np.nan, "NaN to integer"),
        ("scale", np.nan, "`scale` must be above 0"),
    ],
)
def test_a_file_with_impossible_numbers_is_refused(
    tmp_path: Path, name: str, value: float, message: str
) -> None:
    said = dataclasses.asdict(CODE) | {"threshold": 0.25, name: value}
    keras_h5.save_weights(build(CODE), tmp_path / "c.h5", said)
    with pytest.raises(InputError, match=rf"c\.h5 is no identity classifier .*{message}"):
        load_identity(tmp_path / "c.h5")


def test_images_go_through_the_encoder_where_codes_are_wanted() -> None:
    code, image = (IdentityClassifier(build(c), c, 0.3) for c in (CODE, IMAGE))
    images = tf.random.stateless_uniform([2, 32, 32, 3], [0, 1])

    def encoder(x: tf.Tensor) -> tf.Tensor:
        return tf.tile(tf.reduce_mean(x, [1, 2, 3])[:, None], [1, codes.SIZE])

    expected = code.embed(encoder(images))
    np.testing.assert_array_equal(on_images(encoder, code)(images), expected)
    np.testing.assert_array_equal(
        on_images(encoder, code, "logits")(images), code.logits(encoder(images))
    )
    np.testing.assert_array_equal(on_images(encoder, image)(images), image.embed(images))


def test_learns_people_and_verifies_others(tmp_path: Path) -> None:
    train, other = faces(12, 8, 0), faces(6, 6, 1)
    config = dataclasses.replace(CODE, people=12, embedding=16)
    training = IdentityTrainingConfig(epochs=8, batch_size=16, learning_rate=3e-3)
    reports = []
    classifier = train_identity(config, training, train, other, tmp_path, reports.append)
    assert [report.epoch for report in reports] == list(range(1, 9))
    assert reports[-1].accuracy > 0.9
    assert max(report.held_out for report in reports) > 0.8
    third = faces(6, 6, 2)
    similarities, same = pair_similarities(embed_all(classifier, third.inputs), third.people)
    accepted = similarities > classifier.threshold
    assert 0.5 * (accepted[same].mean() + (~accepted[~same]).mean()) > 0.85


def test_a_killed_training_ends_with_the_same_classifier(tmp_path: Path) -> None:
    train, other = faces(4, 8, 0), faces(3, 4, 1)
    training = IdentityTrainingConfig(epochs=4, batch_size=8, triplet_weight=0.5)
    whole = train_identity(CODE, training, train, other, tmp_path / "whole")

    class KilledError(Exception):
        pass

    def kill(progress: object) -> None:
        if progress.epoch == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train_identity(CODE, training, train, other, tmp_path / "killed", kill)
    again = train_identity(CODE, training, train, other, tmp_path / "killed")
    assert again.threshold == whole.threshold
    np.testing.assert_array_equal(embed_all(again, other.inputs), embed_all(whole, other.inputs))


def test_the_best_epoch_is_kept_and_training_stops_at_nan(tmp_path: Path) -> None:
    train, other = faces(4, 8, 0), faces(3, 4, 1)
    broken = dataclasses.replace(train, inputs=np.full_like(train.inputs, np.nan))
    with pytest.raises(InputError, match="loss is not finite"):
        train_identity(CODE, IdentityTrainingConfig(1, 8), broken, other, tmp_path)
    with pytest.raises(InputError, match="do not fill a batch"):
        train_identity(CODE, IdentityTrainingConfig(1, 64), train, other, tmp_path / "b")


def test_triplets_train_where_most_batches_have_nobody_twice(tmp_path: Path) -> None:
    train, other = faces(4, 4, 0), faces(3, 4, 1)
    training = IdentityTrainingConfig(epochs=2, batch_size=2, triplet_weight=0.5)
    reports = []
    train_identity(CODE, training, train, other, tmp_path, reports.append)
    assert len(reports) == 2
    assert np.isfinite([report.loss for report in reports]).all()


def test_training_stops_at_the_first_step_that_is_not_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([1.0, np.inf])  # a third step would find nothing
    monkeypatch.setattr(
        identity_training, "_compile", lambda *_: lambda *_: (next(losses), np.float32(0.0))
    )
    train, other = faces(4, 8, 0), faces(3, 4, 1)
    with pytest.raises(InputError, match="epoch 1: the loss is not finite"):
        train_identity(CODE, IdentityTrainingConfig(1, 8), train, other, tmp_path)


def test_augmented_images_stay_in_range_and_half_are_mirrored() -> None:
    images = tf.tile(tf.linspace(0.2, 0.8, 8)[None, None, :, None], [400, 4, 1, 3])
    found = augment(images, tf.constant([0, 1])).numpy()
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    mirrored = found[:, 0, 0, 0] > found[:, 0, -1, 0]
    assert 0.4 < mirrored.mean() < 0.6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "voice"}, "`kind` must be code or image"),
        ({"parts": "hair"}, "`parts` must be identity or all"),
        ({"people": 1}, "two people or more"),
        ({"embedding": 0}, "`embedding` must be at least 1"),
        ({"scale": 0.0}, "`scale` must be above 0"),
    ],
)
def test_refuses_bad_sizes(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        IdentityConfig(**settings)
