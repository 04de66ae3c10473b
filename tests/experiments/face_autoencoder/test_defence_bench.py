"""Attacks through a defence, on faces and networks of a few numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from attacks import EOT, IdentitySwap, Stochastic, Undetected
from attacks.outputs import margin_of
from detector.defence import GaussianNoise
from detector.magnet import MagNetDetector
from experiments.face_autoencoder.defence_bench import DefenceBench, DefenceSettings, ImageDefences
from experiments.face_autoencoder.mofa_victim import BATCH


def flat(images: tf.Tensor) -> tf.Tensor:
    return tf.reshape(images, [len(images), -1])


def magnet_defences(thresholds: dict[str, float]) -> ImageDefences:
    found = ImageDefences.__new__(ImageDefences)
    found._settings = DefenceSettings(adaptive_weight=2.0)
    found._made = {"magnet": lambda images: 0.5 * images}
    found.magnet = MagNetDetector(thresholds)
    scores = {
        "l1": lambda x: tf.reduce_sum(x, [1, 2, 3]),
        "js": lambda x: tf.reduce_max(x, [1, 2, 3]),
    }
    found.detector = SimpleNamespace(
        scores=lambda images: {name: score(images) for name, score in scores.items()}
    )
    return found


def test_who_attacks_magnet_has_to_pass_every_score() -> None:
    images = tf.constant([[[[0.1, 0.2, 0.3]]], [[[0.1, 0.2, 0.5]]], [[[0.6, 0.6, 0.0]]]])
    ends = np.eye(3, dtype=np.float32)
    goal = IdentitySwap(ends, ends[[2, 2, 0]], 0.9)
    behind, criterion = magnet_defences({"l1": 1.0, "js": 0.4}).under_attack("magnet", flat, goal)
    assert isinstance(criterion, Undetected)
    outputs = behind(images)
    np.testing.assert_allclose(outputs[:, :3], 0.5 * flat(images), rtol=1e-6)
    # The worst of 0.6 / 1 and 0.3 / 0.4, of 0.8 / 1 and 0.5 / 0.4, of 1.2 / 1 and 0.6 / 0.4.
    np.testing.assert_allclose(outputs[:, 3], [0.1 * -0.25, 0.25, 0.5], atol=1e-6)
    plain = goal.loss(outputs[:, :3], *goal.tensors())
    loss = criterion.loss(outputs, *criterion.tensors())
    np.testing.assert_allclose(plain - loss, [-0.05, 0.5, 1.0], atol=1e-6)
    assert (margin_of(criterion, outputs, criterion.tensors()).numpy()[1:] < 0.0).all()


class Attacked:
    """What two attacks lead to, and what the judge says of it."""

    def __init__(self, *found: np.ndarray) -> None:
        self._found = list(found)
        self.asked: list[tuple[str, float]] = []
        self.victim = SimpleNamespace(encoder=flat, embed=lambda kind: flat)
        self.match = self.swap = lambda *_: None

    def attacked(self, attack, budget, goal, behind):
        self.asked.append((type(attack).__name__, budget))
        return SimpleNamespace(stored=self._found.pop(0))

    def similarities(self, kind: str, images: np.ndarray):
        return images[:, 0], images[:, 1]


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("name", ["autoencoder", "none"])
def test_of_each_pair_the_best_image_counts(name: str, refused: bool) -> None:
    """Also where there is no defence: otherwise it would seem better than one."""
    # Similarity to source and target; the judge says "same" above 0.5.
    by_code = np.array([[0.2, 0.9], [0.9, 0.1], [0.4, 0.6], [0.6, 0.7]], np.float32)
    by_judge = np.array([[0.4, 0.6], [0.3, 0.7], [0.1, 0.9], [0.6, 0.6]], np.float32)
    unaware = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.3, 0.9]], np.float32)
    bench = DefenceBench.__new__(DefenceBench)
    bench._settings = DefenceSettings(eps=0.05)
    bench._attack = bench._settings.autoencoder.algorithm.attack()
    bench.pairs = Attacked(by_code, by_judge)
    bench._experiment = SimpleNamespace(terms={}, attacked=lambda *given: unaware)
    bench._threshold = 0.5
    seeds = []

    def defended(name: str, images: np.ndarray, seed: int) -> np.ndarray:
        seeds.append(seed)
        return images

    bench._defences = SimpleNamespace(
        under_attack=lambda name, network, goal: (network, goal),
        defended=defended,
        refused=lambda name, images: (images == by_judge[2]).all(-1) & refused,
    )
    found = bench._through(name)
    third = by_code[2] if refused else by_judge[2]
    np.testing.assert_array_equal(found, [by_code[0], by_judge[1], third, unaware[3]])
    assert [name for name, _ in bench.pairs.asked] == ["PerturbationAttack", "PGD"]
    assert bench.pairs.asked[1][1] == pytest.approx(bench._attack.radii(0.05))
    assert len(set(seeds)) == 1


def test_every_image_has_noise_of_its_own() -> None:
    defences = ImageDefences.__new__(ImageDefences)
    defences._made = {"noise": EOT(Stochastic(GaussianNoise(0.1)), 2)}
    images = np.full((2 * BATCH + 3, 4, 4, 3), 0.5, np.float32)
    found = defences.defended("noise", images)
    assert len(np.unique(found.reshape(len(found), -1), axis=0)) == len(images)
    np.testing.assert_array_equal(defences.defended("noise", images), found)
    assert (defences.defended("noise", images, 7) != found).any()
