from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from resgn.generator import GeneratorConfig, residual_generator
from resgn.saved_generator import about_target, save_generator
from resgn.smoothing import Denoiser, Whitening, load_denoiser
from resgn.smoothing.denoiser import WHITENING
from resgn.target import Target
from weights import made_for
from weights.errors import InputError

CONFIG = GeneratorConfig(1, 4, 3, 3, 2, image_skip=True)


def target(tmp_path: Path, name: str) -> Target:
    file = tmp_path / f"{name}.weights"
    file.write_text(name)
    network = tf.keras.Sequential([tf.keras.Input((8, 8, 3)), tf.keras.layers.Flatten()])
    content = made_for.content(file)
    return Target(name, tf.identity, lambda size: network, 8, (0.0,), content)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A denoiser for `first`, of sigma 0.25."""
    path = tmp_path / "sigma=0.25.h5"
    about = about_target(target(tmp_path, "first")) | Denoiser.about(0.25, 0.875)
    save_generator(residual_generator(CONFIG), CONFIG, path, about)
    return path


def test_comes_back_with_sigma_and_threshold(tmp_path: Path, saved: Path) -> None:
    for sigma in (None, 0.25, np.float32(0.25)):
        found = load_denoiser(saved, target(tmp_path, "first"), sigma)
        assert (found.sigma, found.threshold) == (0.25, 0.875)
    assert found.model(tf.zeros([1, 8, 8, 3])).shape == (1, 8, 8, 3)


def test_a_wrong_sigma_is_refused(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(InputError, match=r"trained on noise of sigma 0\.25, not 0\.5") as raised:
        load_denoiser(saved, target(tmp_path, "first"), 0.5)
    assert "`sigma=0.25`" in str(raised.value)


def test_another_target_is_refused(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(InputError, match=r"was trained for first.*, not for second"):
        load_denoiser(saved, target(tmp_path, "second"))


def test_a_target_without_a_weight_file_is_known_by_its_name(tmp_path: Path, saved: Path) -> None:
    own = dataclasses.replace(target(tmp_path, "first"), content=None)
    assert load_denoiser(saved, own).sigma == 0.25
    with pytest.raises(InputError, match=r"trained for first, not for mine:net"):
        load_denoiser(saved, dataclasses.replace(own, name="mine:net"))


def test_a_cleaner_of_attacks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "joint.h5"
    save_generator(residual_generator(CONFIG), CONFIG, path, about_target(target(tmp_path, "a")))
    with pytest.raises(InputError, match="was not trained on Gaussian noise"):
        load_denoiser(path, target(tmp_path, "a"))


@pytest.mark.parametrize("sigma", [float("nan"), -0.25, 0.0])
def test_a_damaged_sigma_is_refused(tmp_path: Path, sigma: float) -> None:
    path = tmp_path / "damaged.h5"
    about = about_target(target(tmp_path, "a")) | Denoiser.about(sigma, 0.5)
    save_generator(residual_generator(CONFIG), CONFIG, path, about)
    with pytest.raises(InputError, match="was not trained on Gaussian noise"):
        load_denoiser(path, target(tmp_path, "a"))


def test_comes_back_with_whitening_and_smoothed_references(tmp_path: Path) -> None:
    net, path = target(tmp_path, "first"), tmp_path / "whitened.h5"
    rng = np.random.default_rng(0)
    whitening = Whitening.of(rng.normal(size=(20, 4, 6)).astype(np.float32))
    about = about_target(net) | Denoiser.about(0.25, 0.875, 16)
    model = residual_generator(CONFIG)
    save_generator(model, CONFIG, path, about, {WHITENING: whitening.layer()})
    found = load_denoiser(path, net)
    assert found.reference_draws == 16
    assert found.whitening is not None
    np.testing.assert_array_equal(found.whitening.centre, whitening.centre)
    np.testing.assert_array_equal(found.whitening.directions, whitening.directions)
    images = tf.constant(rng.uniform(size=(2, 8, 8, 3)).astype(np.float32))
    first_six = lambda x: tf.reshape(x, [len(x), -1])[:, :6]  # noqa: E731
    expected = whitening(first_six(found.model(images)))
    np.testing.assert_array_equal(found.before(first_six)(images), expected)
    plain = dataclasses.replace(found, whitening=None)
    np.testing.assert_array_equal(plain.before(first_six)(images), first_six(found.model(images)))


def test_files_without_it_leave_embeddings_and_references_alone(
    tmp_path: Path, saved: Path
) -> None:
    found = load_denoiser(saved, target(tmp_path, "first"))
    assert (found.whitening, found.reference_draws) == (None, 0)


@pytest.mark.parametrize(
    ("layer", "draws", "message"),
    [
        ({"centre": np.zeros(6)}, 16, "expected"),
        ({"centre": np.zeros(5), "directions": np.zeros((6, 4))}, 16, "shape"),
        ({"centre": np.zeros(6), "directions": np.zeros(6)}, 16, "shape"),
        ({"centre": np.zeros(6), "directions": np.full((6, 4), np.nan)}, 16, "not finite"),
        ({"centre": np.zeros(6), "directions": np.zeros((6, 4))}, -3, "reference_draws is -3"),
        ({"centre": np.zeros(6), "directions": np.zeros((6, 4))}, 1 << 40, "reference_draws"),
    ],
)
def test_a_damaged_whitening_is_refused(
    tmp_path: Path, layer: dict[str, np.ndarray], draws: int, message: str
) -> None:
    net, path = target(tmp_path, "first"), tmp_path / "damaged.h5"
    about = about_target(net) | Denoiser.about(0.25, 0.875, draws)
    save_generator(residual_generator(CONFIG), CONFIG, path, about, {WHITENING: layer})
    with pytest.raises(InputError, match=message):
        load_denoiser(path, net)
