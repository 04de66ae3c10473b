from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from resgn.generator import GeneratorConfig
from resgn.losses import JointLoss, LossWeights
from resgn.saved_generator import load_generator, save_generator
from resgn.schedules import Staircase, WarmCosine
from resgn.training import Progress, Trainer, TrainingConfig
from resgn.training_set import Batch, TrainingSet
from tests.resgn.toy_training import LOSS, dataset, embed, texture
from weights.errors import InputError

GENERATOR = GeneratorConfig(1, 8, 3, 3, 1, image_skip=True)
CONFIG = TrainingConfig(
    epochs=3, batch_size=4, learning_rate=3e-3, schedule="constant", average=0.5, seed=7
)


def quality(data: TrainingSet):
    clean = data.legitimate[data.source] / np.float32(255)
    noisy = data.adversarial / np.float32(255)

    def validate(model: tf.keras.Model) -> dict[str, float]:
        error = np.mean(np.square(model(noisy, training=False) - clean))
        return {"cleaned": float(1.0 - error / np.mean(np.square(noisy - clean)))}

    return validate


def test_learns_to_clean(tmp_path) -> None:
    data = dataset(40)
    config = dataclasses.replace(CONFIG, epochs=30)
    model = Trainer(GENERATOR, LOSS, config, tmp_path).train(data, quality(data))
    assert quality(data)(model)["cleaned"] > 0.3


def test_every_weighted_term_is_reported_and_their_sum(tmp_path) -> None:
    reports: list[Progress] = []
    data = dataset()
    Trainer(GENERATOR, LOSS, CONFIG, tmp_path).train(data, quality(data), reports.append)
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert [report.step for report in reports] == [2, 4, 6]  # 10 images make 2 batches of 4
    for report in reports:
        terms = report.terms
        assert set(terms) == {"pixel", "texture", "verification", "total"}
        parts = terms["pixel"] + terms["texture"] + terms["verification"]
        assert terms["total"] == pytest.approx(parts)
        assert report.images_per_second > 0
        assert set(report.held_out) == {"cleaned"}


def test_starts_from_a_trained_network(tmp_path) -> None:
    data = dataset(40)
    first = Trainer(GENERATOR, LOSS, dataclasses.replace(CONFIG, epochs=10), tmp_path / "first")
    model = first.train(data, quality(data))
    save_generator(model, GENERATOR, tmp_path / "first.h5")
    # With next to no learning rate the network ends where it began.
    still = dataclasses.replace(CONFIG, epochs=1, learning_rate=1e-12, average=0.0)
    second = Trainer(GENERATOR, LOSS, still, tmp_path / "second")
    second.start_from(load_generator(tmp_path / "first.h5"))
    again = second.train(data, quality(data))
    for one, other in zip(model.trainable_variables, again.trainable_variables, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-6)
    wider = Trainer(dataclasses.replace(GENERATOR, maps=12), LOSS, still, tmp_path / "wider")
    with pytest.raises(InputError, match=r"maps=8.*maps=12.*the same size"):
        wider.start_from(load_generator(tmp_path / "first.h5"))


def test_compiles_once(tmp_path) -> None:
    data = dataset()
    trainer = Trainer(GENERATOR, LOSS, CONFIG, tmp_path)
    trainer.train(data, quality(data))
    assert trainer.traces == 1


class KilledError(Exception):
    pass


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_a_killed_training_ends_with_the_same_weights(tmp_path, steps: int) -> None:
    data = dataset()
    expected = Trainer(GENERATOR, LOSS, CONFIG, tmp_path / "whole").train(data, quality(data))
    count = 0

    def kill() -> None:
        nonlocal count
        count += 1
        if count == steps:
            raise KilledError

    with pytest.raises(KilledError):
        Trainer(GENERATOR, LOSS, CONFIG, tmp_path / "killed").train(
            data, quality(data), on_step=kill
        )
    resumed = Trainer(GENERATOR, LOSS, CONFIG, tmp_path / "killed").train(data, quality(data))
    for a, b in zip(expected.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_training_is_not_repeated(tmp_path) -> None:
    data = dataset()
    first = Trainer(GENERATOR, LOSS, CONFIG, tmp_path).train(data, quality(data))

    def never() -> None:
        raise AssertionError("trained again")

    again = Trainer(GENERATOR, LOSS, CONFIG, tmp_path).train(data, quality(data), on_step=never)
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_keeps_the_network_that_did_best_on_held_out_pairs(tmp_path) -> None:
    data = dataset()
    kept: list[list[np.ndarray]] = []
    scores = iter([0.2, 0.9, 0.4])

    def validate(model: tf.keras.Model) -> dict[str, float]:
        kept.append(model.get_weights())
        return {"rate": next(scores)}

    best = Trainer(GENERATOR, LOSS, CONFIG, tmp_path).train(data, validate)
    for a, b in zip(best.get_weights(), kept[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_running_average_is_what_is_evaluated(tmp_path) -> None:
    data = dataset()
    trainer = Trainer(GENERATOR, LOSS, dataclasses.replace(CONFIG, average=0.0), tmp_path)
    model = trainer.train(data, quality(data))
    for a, b in zip(model.trainable_weights, trainer.model.trainable_weights, strict=False):
        np.testing.assert_array_equal(a, b)  # average 0 keeps the last weights themselves
    # By hand, decay min(0.9, t / (t + 10)): after one step 1/11, so 1/11 old + 10/11 new.
    config = dataclasses.replace(CONFIG, average=0.9, epochs=1, batch_size=10)
    trainer = Trainer(GENERATOR, LOSS, config, tmp_path / "once")
    before = [v.numpy() for v in trainer.model.trainable_variables]
    trainer.train(data, quality(data))
    averages = [v.numpy() for v in trainer.averaged.weights[: len(before)]]
    after = [v.numpy() for v in trainer.model.weights[: len(before)]]
    start = trainer.model.weights[0].name
    assert start == trainer.averaged.weights[0].name
    np.testing.assert_allclose(averages[0], before[0] / 11 + after[0] * 10 / 11, rtol=1e-5)


def test_frozen_critics_stay_as_they_are(tmp_path) -> None:
    critic = tf.keras.Sequential(
        [
            tf.keras.layers.Conv2D(4, 3, input_shape=(8, 8, 3)),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.GlobalAveragePooling2D(),
        ]
    )
    critic.trainable = False
    before = critic.get_weights()
    loss = JointLoss(LossWeights(0.0, 1.0, 0.0), critic, embed, 0.5)
    data = dataset()
    features = critic(data.legitimate / np.float32(255)).numpy()
    data = dataclasses.replace(data, features=features)
    Trainer(GENERATOR, loss, CONFIG, tmp_path).train(data, quality(data))
    for a, b in zip(before, critic.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_not_a_number_stops_training_and_names_the_term(tmp_path) -> None:
    def broken(images: tf.Tensor) -> tf.Tensor:
        return texture(images) * math.nan

    loss = JointLoss(LossWeights(1.0, 1.0, 0.0), broken, embed, 0.5)
    data = dataset()
    with pytest.raises(InputError, match="stopped at step 1: the texture loss became nan"):
        Trainer(GENERATOR, loss, CONFIG, tmp_path).train(data, quality(data))


def test_refuses_fewer_examples_than_a_batch(tmp_path) -> None:
    with pytest.raises(InputError, match="do not fill a batch of 4"):
        Trainer(GENERATOR, LOSS, CONFIG, tmp_path).train(dataset(3), lambda model: {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("schedule", "linear"),
        ("average", 1.0),
    ],
)
def test_refuses_settings_that_cannot_be(name: str, value: object) -> None:
    with pytest.raises(InputError, match=name):
        TrainingConfig(**{name: value})


def test_xla_trains_the_same_weights(tmp_path) -> None:
    data = dataset()
    config = dataclasses.replace(CONFIG, epochs=1)
    plain = Trainer(GENERATOR, LOSS, config, tmp_path / "plain").train(data, quality(data))
    compiled = Trainer(GENERATOR, LOSS, config, tmp_path / "xla", jit=True)
    model = compiled.train(data, quality(data))
    assert compiled.traces == 1
    for a, b in zip(plain.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_an_adversary_makes_the_images_to_train_on(tmp_path) -> None:
    # The network starts as the identity, so that on legitimate images the first loss is 0.
    seen: list[tf.Tensor] = []
    first: list[float] = []

    def none(model: tf.keras.Model, batch: Batch, step: tf.Tensor) -> tf.Tensor:
        assert batch.adversarial.dtype == tf.float32
        tf.debugging.assert_near(model(batch.legitimate, training=False), batch.legitimate)
        tf.py_function(lambda number: seen.append(int(number)), [step], [])
        return batch.legitimate

    data = dataset(8)
    loss = JointLoss(LossWeights(1.0, 0.0, 0.0), texture, embed, 0.5)
    config = dataclasses.replace(CONFIG, epochs=1, learning_rate=1e-12)
    trainer = Trainer(GENERATOR, loss, config, tmp_path, adversary=none)
    trainer.train(data, quality(data), lambda progress: first.append(progress.terms["pixel"]))
    assert first[0] < 1e-10
    assert seen == [0, 1]
    assert trainer.traces == 1


def test_loss_scaling_leaves_out_steps_that_overflow(tmp_path) -> None:
    # The first scale is 2 ** 15; a loss of this size overflows float16 until it has fallen.
    loss = JointLoss(LossWeights(1e4, 0.0, 0.0), texture, embed, 0.5)
    config = dataclasses.replace(CONFIG, precision="mixed_float16", epochs=1, average=0.0)
    data = dataset(4)
    trainer = Trainer(GeneratorConfig(1, 8, 3, 3, 1), loss, config, tmp_path)
    before = [variable.numpy() for variable in trainer.model.trainable_variables]
    trainer.train(data, quality(data))
    for variable, value in zip(trainer.model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_the_staircase_falls_once_however_many_steps(tmp_path) -> None:
    data = dataset(4)
    config = dataclasses.replace(CONFIG, epochs=5, learning_rate=1e-3, schedule="staircase")
    reports: list[Progress] = []
    Trainer(GENERATOR, LOSS, config, tmp_path).train(data, quality(data), reports.append)
    # One step an epoch.
    rates = [1e-3, 1e-3, 1e-3, 0.9e-3, 0.9e-3]
    np.testing.assert_allclose([report.learning_rate for report in reports], rates)


def test_schedules_by_hand() -> None:
    # The paper: 1e-4, times 0.9 in the second half.
    staircase = Staircase(1e-4, 0.9, every=10)
    np.testing.assert_allclose([staircase(0), staircase(9)], 1e-4)
    np.testing.assert_allclose([staircase(10), staircase(19)], 0.9e-4)
    # 4 warm-up steps of 100: a quarter of the peak first; half of it in the middle; 0 at the end.
    cosine = WarmCosine(1.0, 4, 100)
    np.testing.assert_allclose(float(cosine(0)), 0.25, rtol=1e-4)
    np.testing.assert_allclose(float(cosine(50)), 0.5, rtol=1e-4)
    np.testing.assert_allclose(float(cosine(100)), 0.0, atol=1e-6)
