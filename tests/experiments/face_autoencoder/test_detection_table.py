"""Table 2's bookkeeping, on an encoder and scores that can be read at a glance."""

from __future__ import annotations

import types

import numpy as np
import pytest
import tensorflow as tf

from attacks import PGD, QUIET, PerturbationAttack, Undetected, equation_1
from detector.scores import DetectionScores
from experiments.face_autoencoder.detection_table import (
    Table2,
    Table2Config,
    halves,
    shown,
    toward_others,
)
from experiments.face_autoencoder.mofa_victim import Victim
from experiments.face_autoencoder.papers import TABLE_2
from experiments.face_autoencoder.unnoticed_attacks import (
    ATTACKERS,
    Outcome,
    UnnoticedAttacks,
    UnnoticedConfig,
)
from experiments.running.results import wilson_interval
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


IDENTITY = types.SimpleNamespace(
    kind="code", threshold=0.5, embed=lambda code: tf.math.l2_normalize(code[:, :5], axis=-1)
)


def table(
    attack: PerturbationAttack | None = None, sided: int = 6, others: dict | None = None
) -> Table2:
    victim = Victim(encode, {"code": IDENTITY})
    first, second = halves(people(2 * sided), sided, seed=0)
    classify = lambda images: 3.0 * encode(images)[:, :5]  # noqa: E731
    scores = {
        "": DetectionScores(smooth, classify),
        "pca": DetectionScores(lambda images: smooth(smooth(images)), classify),
    }
    both = {
        "validation": toward_others(victim, first, 0),
        "test": toward_others(victim, second, 0),
    }
    attack = attack or PerturbationAttack(5)
    epsilons = (0.005, 0.05, 0.2)
    return Table2(scores, TERMS, both, attack, epsilons, Table2Config(), others=others)


def test_halves_share_nobody() -> None:
    for seed in range(5):
        first, second = halves(people(), 6, seed)
        assert not set(first.people) & set(second.people)
        assert len(first) == len(second) == 6


def test_halves_need_four_people_and_two_in_each() -> None:
    with pytest.raises(InputError, match="four people or more"):
        halves(people(6), 6, 0)
    with pytest.raises(InputError, match=r"1 faces of each half .* raise `images`"):
        halves(people(), 1, 0)
    whose = np.repeat(np.arange(4), [10, 3, 3, 3])
    pictures = people(19)
    uneven = Photographs(pictures.images, pictures.landmarks, whose)
    with pytest.raises(InputError, match="all of one person"):
        halves(uneven, 10, 0)


def test_targets_are_other_people_of_the_same_half() -> None:
    half = halves(people(), 6, 0)[0]
    pairs = toward_others(Victim(encode, {}), half, 3).pairs
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
        assert one.one_threshold(name) == other.one_threshold(name)
    assert one.magnet == other.magnet
    other.normal["validation"]["l1"] = other.normal["validation"]["l1"] + 7.0
    assert one.thresholds("eps=0.05", "l1") != other.thresholds("eps=0.05", "l1")


def test_a_row_has_the_columns_of_the_design_and_the_papers_figures() -> None:
    found = table()
    row = found.row("eps=0.05")
    assert {"l1", "l2", "linf", "js", "js_one", "js_pca", "js_auc", "magnet"} <= set(row.columns)
    for name, paper in zip(("l1", "l2", "linf", "js"), TABLE_2[0.05], strict=True):
        assert row.columns[name].paper == row.columns[f"{name}_one"].paper == paper
    assert row.columns["js_pca"].paper is None
    assert row.columns["l1"].count == 12  # six normal and six attacked faces
    # Attacked faces are rough and normal ones flat.
    assert row.columns["l1"].value == 1.0
    assert row.columns["l1_auc"].value == row.columns["l1_auc"].high == 1.0
    # Six faces cannot show one false alarm in a hundred.
    assert not [name for name in row.columns if "_0.01" in name or "_0.001" in name]
    caught, alarms = (row.columns[f"magnet_{name}"] for name in ("caught", "false_alarms"))
    assert caught.count == alarms.count == 6
    # As many faces of both kinds: accuracy is the mean of what is caught and what passes.
    assert row.columns["magnet"].value == pytest.approx((caught.value + 1.0 - alarms.value) / 2.0)
    assert found.row("fgsm").columns["js"].paper is None


class Uneven:
    """A score that is often wrong: red minus blue in the middle of the image."""

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return 7.0 * (images[:, 3, 3, 0] - images[:, 3, 3, 2])

    def measure(self, images: np.ndarray, batch_size: int = 1) -> np.ndarray:
        del batch_size
        return self(images.astype(np.float64))


def test_another_detectors_columns_are_its_scores_and_leave_the_others_alone() -> None:
    """Accuracy, area and share caught, counted from the images; each threshold by trying all."""
    found, plain = table(others={"self_perturbed": Uneven()}), table()
    row, without = found.row("eps=0.05"), plain.row("eps=0.05")
    columns = {name for name in row.columns if name.startswith("self_perturbed")}
    ends = ("", "_one", "_auc")
    assert columns == {f"self_perturbed{end}" for end in ends}
    assert {name: row.columns[name] for name in without.columns} == without.columns
    assert columns.isdisjoint(without.columns)
    assert found.magnet == plain.magnet

    def scores(half: str, name: str) -> np.ndarray:
        if name == "normal":
            return Uneven().measure(found.halves[half].pairs.sources)
        return Uneven().measure(found.stored(half, name))

    def right(threshold: float, half: str, names: tuple[str, ...]) -> float:
        caught = np.mean([np.mean(scores(half, name) >= threshold) for name in names])
        return float((np.mean(scores(half, "normal") < threshold) + caught) / 2.0)

    for end, names in (("", ("eps=0.05",)), ("_one", found.series)):
        first = np.concatenate([scores("validation", name) for name in ("normal", *names)])
        levels = np.unique(first)
        tried = np.concatenate([levels[:1], (levels[1:] + levels[:-1]) / 2.0, levels[-1:] + 1.0])
        shares = np.array([right(each, "validation", names) for each in tried])
        best = {
            right(tried[i], "test", ("eps=0.05",)) for i in np.flatnonzero(shares == max(shares))
        }
        assert row.columns[f"self_perturbed{end}"].value in [pytest.approx(each) for each in best]
    normal, attacked = scores("test", "normal"), scores("test", "eps=0.05")
    above = attacked[:, None] - normal[None, :]
    area = np.mean((above > 0) + 0.5 * (above == 0))
    assert row.columns["self_perturbed_auc"].value == pytest.approx(area)
    assert 0.0 < area < 1.0


def test_detection_at_a_share_of_false_alarms() -> None:
    """Read off the test half's own curve, and at the threshold that the other half gave."""
    assert [shown(count) for count in (99, 100, 999, 1000)] == [[], [0.01], [0.01], [0.01, 0.001]]
    found = table(sided=100, others={"self_perturbed": Uneven()})
    columns = found.row("eps=0.05").columns
    assert "self_perturbed_tpr_0.001" not in columns
    normal, attacked = (
        [Uneven().measure(each) for each in (found.halves[half].pairs.sources, images)]
        for half, images in (
            ("validation", found.stored("validation", "eps=0.05")),
            ("test", found.stored("test", "eps=0.05")),
        )
    )
    second_highest = np.sort(attacked[0])[-2]
    caught = np.mean(attacked[1] > second_highest)
    assert columns["self_perturbed_tpr_0.01"].value == pytest.approx(caught)
    limit = np.sort(normal[0])[-1]  # one of a hundred may be flagged
    assert columns["self_perturbed_caught_0.01"].value == np.mean(attacked[1] >= limit)
    assert columns["self_perturbed_alarms_0.01"].value == np.mean(attacked[0] >= limit)


def test_intervals_are_over_people() -> None:
    """Where a person's faces go together, few people make a wide interval."""
    found = table()
    assert len(np.unique(found.halves["test"].people)) == 3
    whose = found.halves["test"].people
    found.normal["test"]["l1"] = 1e6 * (whose == whose[0])
    scores = found.attacked("test", "eps=0.05")
    scores["l1"] = scores["l1"] + 1e6
    threshold = found.thresholds("eps=0.05", "l1").best_accuracy
    wrong = np.mean(found.normal["test"]["l1"] >= threshold)
    cell = found.row("eps=0.05").columns["l1"]
    assert cell.value == pytest.approx(1.0 - wrong / 2.0)
    assert wrong == pytest.approx(1 / 3)
    independent = wilson_interval(5, 6)
    assert cell.low < independent[0] - 0.02
    assert cell.high > cell.value + 0.1


def test_no_share_of_the_table_has_an_interval_without_width() -> None:
    """Of three people, whatever all of them agree in."""
    found = table()
    for scores, level in ((found.normal["test"], 0.0), (found.attacked("test", "eps=0.05"), 1e6)):
        scores["l1"] = np.full(6, level)
    columns = found.row("eps=0.05").columns
    low, high = wilson_interval(3, 3)
    for name in ("l1", "l1_auc"):
        cell = columns[name]
        assert cell.value == 1.0
        assert (cell.low, cell.high) == pytest.approx((low, high))
    unnoticed = UnnoticedAttacks(found, QUICK).row(0.2, "unaware").columns
    for name, cell in (*columns.items(), *unnoticed.items()):
        assert cell.low is not None, name
        assert cell.high is not None, name
        assert cell.high > cell.low, name


def test_a_change_below_one_level_has_a_row_as_it_was() -> None:
    """0.005 of a cap of 0.4 is half a level: files hold the faces as they were."""
    found = table()
    assert found.names == ("eps=0.005", "eps=0.005,float", "eps=0.05", "eps=0.2", "fgsm", "pgd")
    assert found.series == ("eps=0.005,float", "eps=0.05", "eps=0.2")
    sources = found.halves["test"].pairs.sources
    np.testing.assert_array_equal(found.stored("test", "eps=0.005"), sources)
    change = np.abs(found.stored("test", "eps=0.005,float") - sources).max()
    assert 0.0 < change <= 0.002 + 1e-6
    assert found.row("eps=0.005").columns["l1"].value == 0.5
    assert found.row("eps=0.005,float").columns["l1"].paper == TABLE_2[0.005][0]


def test_one_threshold_is_best_for_all_epsilons_together() -> None:
    found = table()
    normal = found.normal["validation"]["l1"]
    attacked = [found.attacked("validation", name)["l1"] for name in found.series]

    def accuracy(threshold: float) -> float:
        caught = np.mean([np.mean(scores >= threshold) for scores in attacked])
        return float((np.mean(normal < threshold) + caught) / 2.0)

    everything = np.concatenate([normal, *attacked])
    best = max(accuracy(threshold) for threshold in np.append(everything, np.inf))
    assert accuracy(found.one_threshold("l1")) == pytest.approx(best)


def test_attacked_faces_are_judged_in_8_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    found, seen = table(), []
    measure = found.scores.measure

    def recording(images: np.ndarray, batch: int) -> dict[str, np.ndarray]:
        seen.append(images if images.dtype == np.uint8 else 255.0 * images)
        return measure(images, batch)

    monkeypatch.setattr(found.scores, "measure", recording)
    found.attacked("validation", "eps=0.05")
    found.attacked("test", "pgd")
    UnnoticedAttacks(found, QUICK)._attacked("test", "judge", 0.05, 1.0, 2)
    assert len(seen) == 2 + 2 + 2  # those, the other two epsilons of the one threshold, two starts
    seen = [images for images in seen if np.abs(images - np.rint(images)).max() > 1e-3]
    assert len(seen) == 1  # the row that says `float`


QUICK = UnnoticedConfig(4, 3, 2, (0.5, 50.0), 4)


def test_a_heavier_weight_keeps_the_divergence_lower() -> None:
    attacks = UnnoticedAttacks(table(), QUICK)
    pairs = attacks._halves["test"].pairs

    def divergence(weight: float) -> float:
        goal = Undetected(pairs.match(TERMS), QUIET, weight)
        behind = attacks._behind("equation1", 0.2)
        found = pairs.attacked(PGD(20, keep_best=False), 0.08, goal, behind)
        return float(attacks._table.scores.measure(found.images)["js"].mean())

    assert divergence(1000.0) < divergence(0.0)


def test_attackers_have_rows_and_unnoticed_is_part_of_reached() -> None:
    attacks = UnnoticedAttacks(table(), QUICK)
    for attacker in ATTACKERS:
        row = attacks.row(0.2, attacker)
        assert row.name == f"eps=0.2,{attacker}"
        assert row.columns["unnoticed"].value <= row.columns["reached"].value
        assert row.columns["reached"].count == 4
        assert row.columns["false_alarms"].count == 6
        assert ("weight" in row.columns) == (attacker != "unaware")


def test_only_faces_that_the_judge_tells_from_their_targets_are_attacked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = table()
    pairs = found.halves["test"].pairs
    source, target = pairs.identities("code")
    similar = np.sum(source * target, axis=-1)
    classifier = pairs.victim.identities["code"]
    before = classifier.threshold
    try:
        classifier.threshold = float(np.sort(similar)[2:4].mean())
        np.testing.assert_array_equal(pairs.apart(), similar < classifier.threshold)
        attacks = UnnoticedAttacks(found, QUICK)
        chosen = attacks._halves["test"].pairs
        np.testing.assert_array_equal(chosen.sources, pairs.sources[pairs.apart()])
        assert attacks.row(0.2, "unaware").columns["reached"].count == 3
        assert not caplog.records
        classifier.threshold = -1.1
        assert len(UnnoticedAttacks(found, QUICK)._halves["test"].pairs) == 4
        assert "tells no face from its target" in caplog.text
    finally:
        classifier.threshold = before


def test_another_score_can_be_the_alarm() -> None:
    """Its own threshold decides, and a heavy weight keeps it silent."""
    found = table(others={"self_perturbed": Uneven()})
    attacks = UnnoticedAttacks(found, QUICK, "self_perturbed")
    row = attacks.row(0.2, "judge")
    assert row.name == "eps=0.2,self_perturbed,judge"
    threshold = found.one_threshold("self_perturbed")
    alarms = Uneven().measure(found.halves["test"].pairs.sources) >= threshold
    assert row.columns["false_alarms"].value == pytest.approx(alarms.mean())
    pairs = attacks._halves["test"].pairs

    def quiet(weight: float) -> float:
        goal = Undetected(pairs.match(TERMS), QUIET, weight)
        behind = attacks._behind("equation1", 0.2)
        images = pairs.attacked(PGD(20, keep_best=False), 0.08, goal, behind).images
        return float(np.mean(Uneven().measure(images)))

    # From the middle's red and blue the attack can take 0.08 each.
    untouched = float(np.mean(Uneven().measure(pairs.sources)))
    assert quiet(1e4) == pytest.approx(untouched - 7.0 * 0.16, abs=1e-3)
    assert quiet(0.0) > quiet(1e4) + 0.1


def test_the_weight_is_the_best_on_the_validation_half(monkeypatch: pytest.MonkeyPatch) -> None:
    attacks = UnnoticedAttacks(table(), UnnoticedConfig(4, 3, 2, (9.0, 0.5, 2.0), 4))
    asked = []

    def found(half: str, attacker: str, epsilon: float, weight: float, starts: int) -> Outcome:
        asked.append((half, weight, starts))
        good = np.arange(4) < {0.5: 1, 2.0: 3, 9.0: 3}[weight]
        return Outcome(good, good, np.zeros(4))

    monkeypatch.setattr(attacks, "_attacked", found)
    row = attacks.row(0.2, "judge")
    assert row.columns["weight"].value == 2.0
    assert asked == [("validation", w, 1) for w in (0.5, 2.0, 9.0)] + [("test", 2.0, 2)]
    assert row.columns["unnoticed"].value == 0.75


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adaptive_penalties": ()}, "`adaptive_penalties` needs a weight"),
        ({"adaptive_penalties": (0.0,)}, "`adaptive_penalties` must be above 0"),
        ({"adaptive_starts": 0}, "`adaptive_starts` must be at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        UnnoticedConfig(**settings)


def test_who_knows_a_detector_lowers_its_score_by_units_of_the_attack_and_eases_when_silent() -> (
    None
):
    """Above its threshold by so many times what the attack lifts it; a tenth of that below."""
    found = table(others={"self_perturbed": Uneven()})
    attacks = UnnoticedAttacks(found, QUICK, "self_perturbed")
    images = found.halves["test"].pairs.sources
    before, after = (
        np.median(Uneven().measure(each))
        for each in (
            found.halves["validation"].pairs.sources,
            found.stored("validation", "eps=0.2"),
        )
    )
    excess = (Uneven().measure(images) - found.one_threshold("self_perturbed")) / abs(
        after - before
    )
    expected = np.where(excess > 0.0, excess, 0.1 * excess)
    for attacker in ("equation1", "judge"):
        score = attacks._behind(attacker, 0.2)(images)[:, -1]
        np.testing.assert_allclose(score, expected, rtol=1e-4, atol=1e-5)


def test_the_best_weight_is_told_where_others_may_be_better(
    caplog: pytest.LogCaptureFixture,
) -> None:
    attacks = UnnoticedAttacks(table(), QUICK)
    tried = {0.5: Outcome(*np.zeros([2, 4], bool), np.full(4, -0.3))}
    tried[50.0] = tried[0.5]._replace(margin=np.full(4, -0.2))
    attacks._attacked = lambda half, attacker, epsilon, weight, starts: tried[weight]
    assert attacks._tuned("judge", 0.2) == 50.0  # nothing succeeds; it is the nearest
    assert (
        "eps=0.2,judge: the weight 50 of `adaptive_penalties` is the best, with 0 of 4"
        in caplog.text
    )
