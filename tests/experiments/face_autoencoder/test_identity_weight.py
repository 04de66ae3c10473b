"""The identity term in training: wired by its weight, refused where there are no photographs."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from experiments.face_autoencoder import encoder_training
from experiments.face_autoencoder.model_files import renderer_of
from experiments.face_autoencoder.training_settings import EncoderTrainingSettings
from mofa import encoder, face_model_files
from tests.mofa.toy_faces import SIZE, Faces
from weights.errors import InputError


def settings(**other: object) -> EncoderTrainingSettings:
    values = {"dataset": ("orl",), "precision": "float32", "iterations": 1, "batch_size": 2}
    found = EncoderTrainingSettings.of_preset("smoke", ("orl",))
    return found.but(**(values | {"rendered_batch_size": 0} | other))


def test_its_weight_brings_the_network_into_the_loss(tmp_path, monkeypatch) -> None:
    asked = []

    def toy_network(name, renderer, weights=None, dtype="float32"):
        asked.append((name, renderer.camera.image_size, dtype))
        return lambda images: tf.math.l2_normalize(tf.reduce_mean(images, axis=[1, 2]), axis=-1)

    monkeypatch.setattr(encoder_training, "network_on_crops", toy_network)
    renderer = renderer_of(face_model_files.DEFAULT_PATH, None, 32)
    for weight in (0.0, 0.7):
        chosen = settings(identity_weight=weight, identity_target="facenet")
        trainer, _ = encoder_training.make_trainer(
            chosen,
            encoder.build(SIZE),
            renderer,
            tmp_path / str(weight),
            tf.distribute.get_strategy(),
        )
        reports = []
        trainer.train(Faces((5, 2)), None, reports.append)
        assert ("identity" in reports[0].terms) == bool(weight)
        if weight:
            assert np.isfinite(reports[0].terms["identity"])
            assert reports[0].terms["identity"] > 0.0
    assert asked == [("facenet", (32, 32), "float32")]
    chosen = settings(relation_weight=0.7, identity_target="facenet")
    trainer, _ = encoder_training.make_trainer(
        chosen, encoder.build(SIZE), renderer, tmp_path / "relation", tf.distribute.get_strategy()
    )
    reports = []
    trainer.train(Faces((5, 2)), None, reports.append)
    assert len(asked) == 2
    assert reports[0].terms["relation"] > 0.0
    assert "identity" not in reports[0].terms


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="`identity_target` must be dlib or facenet; got 'arc'"):
        settings(identity_target="arc")
    with pytest.raises(InputError, match="`identity` must be a weight of 0 or more; got -1"):
        settings(identity_weight=-1.0)
    alone = EncoderTrainingSettings.smoke().but(identity_weight=1.0)
    with pytest.raises(InputError, match="`identity_weight` is of a term on photographs"):
        alone.config()
    alone = EncoderTrainingSettings.smoke().but(relation_weight=1.0)
    with pytest.raises(InputError, match="`relation_weight` is of a term on photographs"):
        alone.config()
