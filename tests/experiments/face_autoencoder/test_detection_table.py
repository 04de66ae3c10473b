"""Table 2's bookkeeping, on an encoder and scores that can be read at a glance."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import PerturbationAttack, equation_1
from detector.scores import DetectionScores
from experiments.face_autoencoder.detection_table import (
    Table2,
    Table2Config,
    halves,
    toward_others,
)
from experiments.face_autoencoder.mofa_victim import Victim
from experiments.face_autoencoder.papers import TABLE_2
from mofa import code as codes
from mofa.photographs import Photographs
from weights.errors import InputError

SIDE = 6
TERMS = equation_1(codes.SLICES)
KERNEL = np.random.default_rng(0).normal(0, 0.1, (SIDE * SIDE * 3, codes.SIZE)).astype(np.float32)


def encode(images: tf.Tensor) -> tf.Tensor:
    return tf.reshape(images, [-1, SIDE * SIDE * 3]) @ KERNEL


def smooth(images: tf.Tensor) -> tf.Tensor:
    """A reconstruction that takes noise away: normal faces here have none."""
    return tf.nn.avg_pool2d(images, 3, 1, "SAME")


def people(count: int = 12) -> Photographs:
    """Flat pictures."""
    rng = np.random.default_rng(1)
    levels = rng.integers(60, 190, (count, 1, 1, 3), dtype=np.uint8)
    images = np.tile(levels, (1, SIDE, SIDE, 1))
    return Photographs(images, np.zeros((count, 5, 2), np.float32), np.arange(count) // 2)


def table(config: Table2Config | None = None) -> Table2:
    victim = Victim(encode, {})
    first, second = halves(people(), 6, seed=0)
    scores = DetectionScores(smooth, lambda images: 3.0 * encode(images)[:, :5])
    pairs = {
        "validation": toward_others(victim, first, 0),
        "test": toward_others(victim, second, 0),
    }
    attack = PerturbationAttack(5)
    return Table2(scores, TERMS, pairs, attack, config or Table2Config(adaptive_images=4))


def test_halves_share_nobody() -> None:
    for seed in range(5):
        first, second = halves(people(), 6, seed)
        assert not set(first.people) & set(second.people)
        assert len(first) == len(second) == 6


def test_halves_need_four_people() -> None:
    with pytest.raises(InputError, match="four people or more"):
        halves(people(6), 6, 0)


def test_targets_are_other_people_of_the_same_half() -> None:
    half = halves(people(), 6, 0)[0]
    pairs = toward_others(Victim(encode, {}), half, 3)
    flat = half.images[:, 0, 0].astype(np.float32) / 255.0
    for source, target in zip(pairs.sources[:, 0, 0], pairs.targets[:, 0, 0], strict=True):
        who, whom = (half.people[np.argmin(np.abs(flat - x).sum(-1))] for x in (source, target))
        assert who != whom


def test_thresholds_never_see_the_test_half() -> None:
    one, other = table(), table()
    # Scores of the other half may be anything.
    rng = np.random.default_rng(2)
    for name in ("l1", "l2", "linf", "js"):
        other.normal["test"][name] = rng.uniform(0, 1e3, 6)
        other.attacked("test", "eps=0.05")[name] = rng.uniform(0, 1e3, 6)
    for name in ("l1", "l2", "linf", "js"):
        assert one.thresholds("eps=0.05", name) == other.thresholds("eps=0.05", name)
    assert one.magnet == other.magnet
    other.normal["validation"]["l1"] = other.normal["validation"]["l1"] + 7.0
    assert one.thresholds("eps=0.05", "l1") != other.thresholds("eps=0.05", "l1")


def test_a_row_has_the_columns_of_the_design_and_the_papers_figures() -> None:
    found = table()
    row = found.row("eps=0.05", known=True)
    assert {"l1", "l2", "linf", "js", "js_auc", "l1_auc", "magnet", "adaptive_js"} <= set(
        row.columns
    )
    assert [row.columns[name].paper for name in ("l1", "l2", "linf", "js")] == list(TABLE_2[0.05])
    assert row.columns["l1"].count == 12  # six normal and six attacked faces
    assert row.columns["adaptive_js"].count == 8
    # Attacked faces are rough and normal ones flat.
    assert row.columns["l1"].value == 1.0
    assert row.columns["l1_auc"].value == 1.0
    assert {f"{s}_tpr_{r}" for s in ("l1", "js") for r in ("0.01", "0.001")} <= set(row.columns)
    caught, alarms = (row.columns[f"magnet_{name}"] for name in ("caught", "false_alarms"))
    assert caught.count == alarms.count == 6
    # As many faces of both kinds: accuracy is the mean of what is caught and what passes.
    assert row.columns["magnet"].value == pytest.approx((caught.value + 1.0 - alarms.value) / 2.0)
    other = found.row("fgsm", known=False)
    assert other.columns["js"].paper is None
    assert "adaptive_js" not in other.columns


def test_attacked_faces_are_judged_in_8_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    found, seen = table(), []
    measure = found._scores.measure

    def recording(images: np.ndarray, batch: int) -> dict[str, np.ndarray]:
        seen.append(images if images.dtype == np.uint8 else 255.0 * images)
        return measure(images, batch)

    monkeypatch.setattr(found._scores, "measure", recording)
    found.row("eps=0.05", known=True)
    assert len(seen) == 3  # the validation half, the test half, who knows the detector
    for images in seen:
        np.testing.assert_allclose(images, np.rint(images), atol=1e-3)


def test_who_knows_the_detector_keeps_the_divergence_lower() -> None:
    found = table(Table2Config(adaptive_images=6, adaptive_weight=100.0))
    pairs = found.pairs["test"]
    threshold = found.thresholds("eps=0.2", "js").best_accuracy
    assert np.isfinite(threshold)
    blind = found.attacked("test", "eps=0.2")["js"].mean()
    from attacks.undetected import Undetected

    images = found._attack.craft(
        found._code_and_score,
        pairs.sources,
        Undetected(pairs.match(TERMS), threshold, 100.0),
        epsilons=[0.2],
    )[0]
    assert found._scores.measure(images)["js"].mean() < blind
