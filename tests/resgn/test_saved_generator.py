from __future__ import annotations

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf

from attacks import FGSM, Dodging
from resgn.faces.alignment import aligned_faces
from resgn.faces.orl import load_orl
from resgn.generator import GeneratorConfig, residual_generator
from resgn.saved_generator import (
    PACKAGED,
    about_target,
    load_generator,
    packaged,
    save_generator,
)
from resgn.target import Target, load_target, weights_content
from weights.errors import InputError
from weights.made_for import Content

CONFIG = GeneratorConfig(blocks=2, maps=4, in_kernel=5, out_kernel=1, scale=2, image_skip=True)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model = residual_generator(CONFIG)
    rng = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(rng.uniform(0.1, 0.2, variable.shape))
    save_generator(model, CONFIG, tmp_path / "resgn.h5", {"target": "dlib", "epochs": 3})
    return tmp_path / "resgn.h5"


def test_any_architecture_comes_back_the_same(saved: Path, rng: np.random.Generator) -> None:
    loaded = load_generator(saved)
    assert loaded.config == CONFIG
    assert loaded.about == {"target": "dlib", "epochs": 3}
    assert not loaded.model.trainable_variables
    model = residual_generator(CONFIG)
    filled = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(filled.uniform(0.1, 0.2, variable.shape))
    images = tf.constant(rng.uniform(size=(1, 8, 10, 3)), tf.float32)
    np.testing.assert_array_equal(loaded.model(images), model(images, training=False))


def test_the_other_output_comes_back_too(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, scale=1, image_skip=False)
    save_generator(residual_generator(config), config, tmp_path / "a.h5")
    assert load_generator(tmp_path / "a.h5").config == config


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("network", "vgg_face", "not a ResGN"),
        ("blocks", 10**9, "blocks is 1000000000"),
        ("blocks", 0, "blocks is 0"),
        ("maps", 2.5, "maps is 2.5"),
        ("image_skip", 1, "image_skip is 1"),
        ("blocks", 3, "block3a"),
        ("maps", 5, "has shape"),
    ],
)
def test_files_that_lie(saved: Path, attribute: str, value: object, message: str) -> None:
    with h5py.File(saved, "a") as file:
        file.attrs[attribute] = np.bytes_(value) if isinstance(value, str) else value
    with pytest.raises(InputError, match=message):
        load_generator(saved)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_generator(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(InputError, match=r"A Keras \.h5"):
        load_generator(tmp_path / "text.h5")


@pytest.mark.parametrize("target", PACKAGED)
def test_the_small_ones_that_come_along(target: str) -> None:
    path = PACKAGED[target]
    assert path.stat().st_size <= 8 << 20
    assert path.with_suffix(".md").exists()
    loaded = load_generator(path)
    assert {"target", "threshold", "dataset", "epsilon"} <= set(loaded.about)
    assert loaded.told_of(load_target(target)) is None


def test_the_default_is_that_of_the_target() -> None:
    assert load_generator().path == packaged(load_target("facenet")) == PACKAGED["facenet"]
    assert packaged(load_target("dlib")) == PACKAGED["dlib"]
    own = dataclasses.replace(load_target("dlib"), name="module:network")
    assert packaged(own) == PACKAGED["facenet"]


@pytest.mark.parametrize(("target", "threshold"), [("facenet", 1.0), ("dlib", 0.18)])
def test_the_small_ones_take_an_attack_back(target: str, threshold: float) -> None:
    rows = np.r_[0:400:40, 1:400:40]  # two photographs of ten people
    network = load_target(target)
    found = aligned_faces(load_orl(), rows, progress=False, crop=network.crop)
    faces = found.images / np.float32(255)
    cleaner = load_generator(PACKAGED[target]).model
    embeddings, references = np.split(network(tf.constant(faces)).numpy(), 2)
    faces = faces[:10]
    dodging = Dodging(references, threshold=threshold)
    attacked = FGSM().craft(network, faces, dodging, epsilons=[0.03])[0]

    def shift(images: np.ndarray) -> float:
        seen = network(tf.constant(images)).numpy()
        return float(np.sum(np.square(seen - embeddings), axis=-1).mean())

    cleaned = cleaner(tf.constant(attacked)).numpy()
    assert shift(cleaned) < 0.5 * shift(attacked)
    assert shift(cleaner(tf.constant(faces)).numpy()) < 0.25 * shift(attacked)


def test_it_says_which_target_it_was_trained_for(saved: Path, tmp_path: Path) -> None:
    target = Target(
        "toy", tf.identity, lambda size: tf.keras.Sequential(), 160, (0.0,), Content("a" * 16, "t")
    )
    assert load_generator(saved).told_of(target) == (
        "resgn.h5 does not say which target network it was trained for."
    )
    model = load_generator(saved).model
    save_generator(model, CONFIG, tmp_path / "mine.h5", about_target(target))
    mine = load_generator(tmp_path / "mine.h5")
    assert mine.about["target"] == "toy"
    assert mine.told_of(target) is None
    other = dataclasses.replace(target, content=Content("b" * 16, "u"))
    assert mine.told_of(other) == "mine.h5 was trained for t, not for u."
    own = dataclasses.replace(target, name="module:network", content=None)
    assert mine.told_of(own) == "mine.h5 was trained for t, not for module:network."
    boxed = dataclasses.replace(target, crop="box")
    assert mine.told_of(boxed) == "mine.h5 was trained on another crop (five_points, not box)."


def test_a_target_is_known_by_its_weights_whatever_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "net.pb").write_bytes(b"abc")
    assert weights_content("facenet", tmp_path / "net.pb") == Content("ba7816bf8f01cfea", "net.pb")
    for name in ("index", "data-00000-of-00001"):
        (tmp_path / f"model.ckpt-1.{name}").write_bytes(b"numbers")
    by_prefix = weights_content("facenet", tmp_path / "model.ckpt-1")
    assert weights_content("facenet", tmp_path) == by_prefix
    with pytest.raises(InputError, match="no such file"):
        weights_content("facenet", tmp_path / "absent.pb")
