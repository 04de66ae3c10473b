"""A FaceNet file of the user's own takes the place of the one that comes with the installation."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import groups, verification_flags
from resgn.facenet import facenet
from resgn.faces.crops import BOX
from resgn.target import Target
from weights import keras_h5

IMAGES = tf.random.stateless_uniform([1, 160, 160, 3], [1, 2])


class Own(NamedTuple):
    """A file, and what the network in it makes of `IMAGES`."""

    file: Path
    embeddings: np.ndarray


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    """Random numbers in the paper's layout, 128 dimensions, as Keras writes them."""
    path = tmp_path_factory.mktemp("facenet") / "mine.h5"
    model = facenet(embedding_size=128)
    keras_h5.save_weights(model, path, {"embedding_size": 128, "preprocessing": "prewhiten"})
    return Own(path, tf.math.l2_normalize(model(IMAGES, training=False), -1).numpy())


def experiment(*flags: str) -> VerificationExperiment:
    with groups.parsed([verification_flags.FLAGS], ["--preset=smoke", *flags]):
        return verification_flags.experiment(texture=False)


def check(network: Target, own: Own) -> None:
    assert (network.name, network.crop) == ("facenet", BOX)
    assert network.content is not None
    assert network.content.name == "mine.h5"
    assert own.embeddings.shape == (1, 128)
    np.testing.assert_allclose(network(IMAGES), own.embeddings, atol=1e-5)


def test_it_is_the_target(own: Own) -> None:
    made = experiment("--target=facenet", f"--facenet_weights={own.file}")
    check(made.target, own)
    assert made.settings.weights_of_target() == str(own.file)


def test_it_is_a_verification_critic_beside_another_target(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = experiment("--critics=dlib,facenet", f"--facenet_weights={own.file}")
    assert made.target.name == "dlib"
    judged: list[Target] = []

    def judge(target: Target, legitimate: object) -> Target:
        judged.append(target)
        return target

    # The pairs need no network; which one is to judge is asked here.
    monkeypatch.setattr("resgn.judge.Judge.of", judge)
    monkeypatch.setattr(VerificationExperiment, "legitimate", None)
    made.judge("facenet")
    check(judged[0], own)
