"""Attacked images are crafted once, kept in 8 bits, and never mistaken for others."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from attacks import PGD, PerturbationAttack
from experiments.face_autoencoder import crafted_images
from experiments.face_autoencoder.crafted_images import CraftedImages
from experiments.face_autoencoder.mofa_victim import AttackedPairs, Victim
from experiments.running import image_cache
from mofa import code as codes

SIDE = 4
WEIGHTS = np.ones(codes.SIZE, np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path))
    return tmp_path / "adversarial"


@pytest.fixture
def pairs(rng: np.random.Generator) -> AttackedPairs:
    def encode(images: tf.Tensor) -> tf.Tensor:
        return tf.zeros([tf.shape(images)[0], codes.SIZE])

    sources, targets = rng.integers(124, 133, (2, 3, SIDE, SIDE, 3), dtype=np.uint8)
    return AttackedPairs.of(Victim(encode, {}), sources, targets)


class Crafter:
    """Counts how often it works."""

    def __init__(self, value: float) -> None:
        self.calls, self._value = 0, value

    def __call__(self) -> np.ndarray:
        self.calls += 1
        return np.full((3, SIDE, SIDE, 3), self._value, np.float32)


def test_a_second_time_nothing_is_crafted(pairs: AttackedPairs) -> None:
    craft = Crafter(0.5021)  # 128.04 of 255
    first = CraftedImages("net")(PerturbationAttack(5), 0.05, pairs, WEIGHTS, craft)
    again = CraftedImages("net")(PerturbationAttack(5), 0.05, pairs, WEIGHTS, craft)
    assert craft.calls == 1
    np.testing.assert_allclose(first, 128.0 / 255.0, rtol=1e-6)
    np.testing.assert_array_equal(first, again)


def test_what_is_kept_stays_in_the_ball(pairs: AttackedPairs) -> None:
    # Of 5.1 levels 5: no source is nearer than that to white.
    found = CraftedImages()(PerturbationAttack(5), 0.05, pairs, WEIGHTS, Crafter(1.0))
    np.testing.assert_allclose(found, pairs.sources + 5 / 255, atol=1e-6)


def test_what_was_kept_in_an_older_format_is_made_anew(
    pairs: AttackedPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    craft = Crafter(0.5)
    with monkeypatch.context() as earlier:
        earlier.setattr(crafted_images, "FORMAT", 1)  # rounded out of the ball
        CraftedImages("net")(PerturbationAttack(5), 0.05, pairs, WEIGHTS, craft)
    CraftedImages("net")(PerturbationAttack(5), 0.05, pairs, WEIGHTS, craft)
    assert craft.calls == 2


def test_whatever_decides_the_images_decides_the_entry(pairs: AttackedPairs, cache: Path) -> None:
    attack, craft = PerturbationAttack(5), Crafter(0.5)
    moved = dataclasses.replace(pairs, sources=pairs.sources[::-1])
    aimed = dataclasses.replace(pairs, targets=pairs.targets[::-1])
    heavier = WEIGHTS.copy()
    heavier[3] = 2.0
    variants = [
        ("net", attack, 0.05, pairs, WEIGHTS),
        ("other net", attack, 0.05, pairs, WEIGHTS),
        ("net", PerturbationAttack(6), 0.05, pairs, WEIGHTS),
        ("net", PerturbationAttack(5, max_perturbation=0.01), 0.05, pairs, WEIGHTS),
        ("net", PerturbationAttack.literal(0.4, 5), 0.05, pairs, WEIGHTS),
        ("net", PGD(5), 0.05, pairs, WEIGHTS),
        ("net", attack, 0.02, pairs, WEIGHTS),
        ("net", attack, 0.05, moved, WEIGHTS),
        ("net", attack, 0.05, aimed, WEIGHTS),
        ("net", attack, 0.05, pairs, heavier),
    ]
    for number, (name, how, epsilon, whom, weights) in enumerate(variants, 1):
        CraftedImages(name)(how, epsilon, whom, weights, craft)
        assert craft.calls == number
    assert len(list(cache.glob("*.npz"))) == len(variants)


def test_without_an_identity_nothing_is_kept(pairs: AttackedPairs, cache: Path) -> None:
    craft = Crafter(0.5)
    for _ in range(2):
        CraftedImages()(PerturbationAttack(5), 0.05, pairs, WEIGHTS, craft)
    assert craft.calls == 2
    assert not cache.exists()


def test_an_attack_that_cannot_be_written_down_is_not_kept(
    pairs: AttackedPairs, cache: Path
) -> None:
    craft = Crafter(0.5)
    for step in (1.0, -1.0):
        attack = PerturbationAttack(5)
        attack.transform = lambda x, step=step: step * x  # type: ignore[attr-defined]
        CraftedImages("net")(attack, 0.05, pairs, WEIGHTS, craft)
    assert craft.calls == 2
    assert not cache.exists()


@pytest.mark.parametrize("damage", ["bytes", "shape", "kind"])
def test_what_is_damaged_is_made_anew(
    pairs: AttackedPairs, cache: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    craft = Crafter(1.0)
    crafted = CraftedImages("net")
    crafted(PerturbationAttack(5), 0.05, pairs, WEIGHTS, craft)
    (file,) = cache.glob("*.npz")
    if damage == "bytes":
        file.write_bytes(file.read_bytes()[:40])
    else:
        shape = (2, SIDE, SIDE, 3) if damage == "shape" else (3, SIDE, SIDE, 3)
        kind = np.uint8 if damage == "shape" else np.float32
        np.savez(file, adversarial=np.zeros(shape, kind))
    found = crafted(PerturbationAttack(5), 0.05, pairs, WEIGHTS, craft)
    assert craft.calls == 2
    np.testing.assert_allclose(found, pairs.sources + 5 / 255, atol=1e-6)
    assert "made anew" in caplog.text
    restored = image_cache.read(file, (3, SIDE, SIDE, 3))
    assert restored is not None
    np.testing.assert_array_equal(restored, np.rint(255 * pairs.sources) + 5)
