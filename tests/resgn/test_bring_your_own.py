from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from resgn.bring_your_own import load, own_cleaner, own_target
from weights.errors import InputError

MODULE = '''
"""Defences and targets, good ones and bad ones."""

import numpy as np
import tensorflow as tf

number = 3

def darker(images):
    return 0.5 * images

def with_numpy(images):
    return np.clip(np.round(images * 3) / 3, 0, 1)

def rounded(images):
    return tf.round(images * 3) / 3

def noisy(images):
    return tf.clip_by_value(images + tf.random.normal(tf.shape(images), stddev=0.1), 0.0, 1.0)

def centred(images):
    return tf.clip_by_value(images - tf.reduce_mean(images) + 0.5, 0.0, 1.0)

def stretched(images):
    return (images - np.min(images)) / (np.max(images) - np.min(images))

def like_the_first(images):
    return 0.9 * images + 0.1 * images[:1]

def stretched_alone(images):
    low, high = (f(images, [1, 2, 3], keepdims=True) for f in (tf.reduce_min, tf.reduce_max))
    return tf.math.divide_no_nan(images - low, high - low)

def in_half_precision(images):
    kernel = tf.fill([3, 3, 3, 3], tf.cast(1 / 27, tf.bfloat16))
    blurred = tf.nn.conv2d(tf.cast(images, tf.bfloat16), kernel, 1, "SAME")
    return tf.round(tf.clip_by_value(tf.cast(blurred, tf.float32), 0.0, 1.0) * 7) / 7

def for_two(images):
    if images.shape[0] != 2:
        raise RuntimeError("I want two")
    return images

def smaller(images):
    return images[:, ::2, ::2]

def in_grey_levels(images):
    return 255 * images

def undefined(images):
    return images / tf.zeros_like(images)

def fails(images):
    raise RuntimeError("out of luck")

def colour(images):
    return tf.reduce_mean(images, axis=[1, 2])

def colour_of_all(images):
    return colour(centred(images))

def binary(images):
    return tf.round(colour(images)) + 1.0

def random_colour(images):
    return colour(noisy(images))

model = tf.keras.Sequential([
    tf.keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid", input_shape=(160, 160, 3)),
    tf.keras.layers.Dropout(0.5),
])
blur = tf.keras.layers.AveragePooling2D(3, 1, "same")
embedding = tf.keras.Sequential([
    tf.keras.layers.AveragePooling2D(40, input_shape=(160, 160, 3)), tf.keras.layers.Flatten()
])
'''


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brought.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "brought", raising=False)


@pytest.mark.parametrize(
    ("name", "random", "differentiable"),
    [
        ("darker", False, True),
        ("with_numpy", False, False),
        ("rounded", False, False),
        ("noisy", True, True),
        ("model", False, True),
        ("blur", False, True),
    ],
)
def test_finds_out_what_an_attack_has_to_know(
    name: str, random: bool, differentiable: bool
) -> None:
    cleaner = own_cleaner(f"brought:{name}")
    assert cleaner.name == f"brought:{name}"
    assert (cleaner.random, cleaner.differentiable) == (random, differentiable)
    images = tf.random.uniform((3, 160, 160, 3), seed=1)
    cleaned = tf.function(cleaner)(images, tf.constant([1, 2]))
    assert cleaned.shape == images.shape


@pytest.mark.parametrize(
    ("name", "by_itself"),
    [
        ("centred", False),
        ("stretched", False),
        ("like_the_first", False),
        ("stretched_alone", True),
        ("in_half_precision", True),
        ("rounded", True),
        ("with_numpy", True),
        ("noisy", True),
        ("model", True),
    ],
)
def test_finds_out_who_looks_at_the_neighbours(name: str, by_itself: bool) -> None:
    assert own_cleaner(f"brought:{name}").by_itself == by_itself


def test_computes_what_was_brought() -> None:
    images = tf.random.uniform((1, 160, 160, 3), seed=1)
    np.testing.assert_allclose(own_cleaner("brought:darker")(images), 0.5 * images)
    expected = np.round(images.numpy() * 3) / 3
    np.testing.assert_allclose(own_cleaner("brought:with_numpy")(images), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:darker", "there is no module nowhere"),
        ("broken:darker", "broken cannot be imported: No module named 'nowhere_to_be_found'"),
        ("brought:lighter", "brought has no attribute lighter"),
        ("brought:number", "is no function or model but int"),
        ("brought:", "must look like package.module:callable"),
        ("brought:smaller", r"gives shape \(2, 80, 80, 3\) for images of shape \(2, 160, 160, 3\)"),
        ("brought:in_grey_levels", r"values in \[.*\]; cleaned images must lie in \[0, 1\]"),
        ("brought:undefined", "not finite"),
        ("brought:fails", "fails on images .* out of luck"),
        ("brought:colour", r"gives shape \(2, 3\)"),
        ("brought:for_two", r"fails on images \[1, 160, 160, 3\]: .* I want two"),
    ],
)
def test_says_what_is_wrong_with_a_cleaner(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        own_cleaner(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("brought:darker", "must give embeddings"),
        ("brought:undefined", "must give embeddings"),
        ("brought:binary", "has no gradient"),
        ("brought:random_colour", "is random"),
        ("brought:colour_of_all", "another embedding beside other images"),
    ],
)
def test_says_what_is_wrong_with_a_target(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        own_target(name)


@pytest.mark.parametrize("name", ["colour", "embedding"])
def test_a_target_gives_unit_embeddings(name: str) -> None:
    images = tf.random.uniform((2, 160, 160, 3), seed=1)
    embeddings = own_target(f"brought:{name}")(images)
    np.testing.assert_allclose(tf.norm(embeddings, axis=-1), 1.0, rtol=1e-5)
    raw = load(f"brought:{name}")(images)
    np.testing.assert_allclose(embeddings, tf.math.l2_normalize(raw, -1), rtol=1e-5)
