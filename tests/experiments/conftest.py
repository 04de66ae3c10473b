"""Experiments in this process, on ORL with a toy target: seconds instead of minutes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from experiments.face_verification import verification_experiment
from experiments.flags import groups
from resgn import bring_your_own
from resgn.faces.crops import BOX
from resgn.target import TARGETS, Target, load_target

Main = Callable[..., Path]


def toy_target(name: str, weights: str | None = None) -> Target:
    """A random linear map of a small image; different people still look different to it."""
    layer = tf.keras.layers.Dense(32, use_bias=False, trainable=False, name="embedding")
    layer.build((None, 20 * 20 * 3))
    layer.set_weights([np.random.default_rng(0).normal(size=(1200, 32)).astype(np.float32)])
    network = tf.keras.Sequential([tf.keras.Input((20, 20, 3)), tf.keras.layers.Flatten(), layer])

    def prepare(images: tf.Tensor) -> tf.Tensor:
        small = tf.image.resize(images, [20, 20])
        return small - tf.reduce_mean(small, axis=[1, 2, 3], keepdims=True)

    def network_at(size: int) -> tf.keras.Model:
        if size == 20:
            return network
        image = tf.keras.Input((size, size, 3))
        return tf.keras.Model(image, network(tf.image.resize(image, [20, 20])))

    return Target(name, prepare, network_at, 20, (0.0,))


@pytest.fixture
def two_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks for `in_process`: FaceNet sees another crop, coarser and mirrored."""

    def load(name: str, weights: str | None = None) -> Target:
        if name not in TARGETS:
            return load_target(name, weights)
        toy = toy_target(name)
        if name == "dlib":
            return toy

        def prepare(images: tf.Tensor) -> tf.Tensor:
            coarse = tf.image.resize(images, [5, 5], antialias=True)
            return tf.reverse(toy.prepare(coarse), axis=[2])

        return Target(name, prepare, toy.network_at, 20, (0.0,), crop=BOX)

    monkeypatch.setattr(bring_your_own, "load_target", load)


@pytest.fixture(scope="module")
def toy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache, one for each file of tests, so that its experiments train a ResGN once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def in_process(toy_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Main:
    """Runs an entry point's `main` with flags, under the toy target and without texture critic.

    The function takes the module, flags as on the command line, and `output`; it returns the
    folder of the run.
    """
    monkeypatch.setenv("RESGN_CACHE_DIR", str(toy_cache))
    monkeypatch.setattr(bring_your_own, "load_target", toy_target)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    monkeypatch.setattr(verification_experiment.VerificationExperiment, "texture", tf.identity)

    def run(module: Any, *arguments: str, output: Path) -> Path:
        given = [f"--output_dir={output}", "--preset=smoke", "--texture_weight=0"]
        given += ["--precision=float32", *arguments]
        with groups.parsed([module.FLAGS], given) as rest:
            module.main(rest)
        return output

    return run
