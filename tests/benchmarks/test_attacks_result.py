from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from attacks import Dodging
from benchmarks import attacks
from benchmarks.many_pairs import many_pairs
from benchmarks.peers import Craft, Task
from benchmarks.timing import Times
from experiments.flags import groups
from experiments.running.stored_results import StoredResult
from resgn.legitimate_pairs import LegitimatePairs
from resgn.target import to_float

SIDE = 8
MANY = ("PGD on all", "APGD on all", "PGD in stages")


def mean_colour(images: tf.Tensor) -> tf.Tensor:
    """A face network to be worked out by hand; distances are between directions of colour."""
    return tf.reduce_mean(images, axis=[1, 2])


def toy_faces(target: object, count: int) -> tuple[LegitimatePairs, np.ndarray, np.ndarray]:
    """Two grey probes, and references that are bluer by 10 and 15 grey levels."""
    images = np.full((4, SIDE, SIDE, 3), 102, np.uint8)
    images[2, ..., 2] += 10
    images[3, ..., 2] += 15
    embeddings = mean_colour(to_float(images)).numpy()
    pairs = LegitimatePairs(images, embeddings, {}, threshold=0.005, verified=1.0)
    return pairs, np.array([0, 1]), np.array([2, 3])


def toy_peer(task: Task) -> tuple[dict[str, dict[str, Craft]], list[str]]:
    """A library that leaves the images as they are, so that it dodges nobody."""

    def nothing() -> np.ndarray:
        return task.images

    return {"ART": {"FGSM": nothing, "PGD": nothing}}, ["foolbox is left out: it is missing."]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredResult:
    """What the benchmark leaves behind, of a toy network."""
    monkeypatch.setattr(attacks, "load_target", lambda name: mean_colour)
    monkeypatch.setattr(attacks, "_faces", toy_faces)
    monkeypatch.setattr(attacks, "installed_peers", toy_peer)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    output = tmp_path / "new" / "result.json"
    given = ["attacks", "--images=2", "--steps=2", "--rounds=2", "--bfloat16=no", "--seed=3"]
    given.append(f"--output={output}")
    monkeypatch.setattr(sys, "argv", given)
    with groups.parsed([attacks.FLAGS], given[1:]) as rest:
        attacks.main(rest)
    return StoredResult.read(output, "benchmark_attacks")


def test_the_result_is_one_of_the_projects(kept: StoredResult) -> None:
    assert kept.command == "attacks --images=2 --steps=2 --rounds=2 --bfloat16=no --seed=3"
    assert kept.seed == 3
    many = [f"{attack}, eps={budget}" for budget in (0.004, 0.03) for attack in MANY]
    assert [row.name for row in kept.rows] == [
        *("floor", "attacks", "attacks, judged", "ART"),
        *many,
    ]
    assert kept.notes.startswith("2 images, epsilon 0.03, PGD of 2 steps of 0.1 epsilon, ")
    assert "Left out: foolbox, cleverhans." in kept.notes
    for row in kept.rows:
        for name, measurement in row.columns.items():
            rate = "success" in name or "robust" in name
            assert (name in kept.plain) == (not rate), name
            assert measurement.count == 2, name


def test_success_is_judged_alike(kept: StoredResult) -> None:
    # Red and green up by e and blue down: the distances are 0.0020 and 0.0044 at e = 0, 0.0035 and
    # 0.0064 at 0.006, which is two steps of PGD, and 0.0129 and 0.0182 at FGSM's 0.03.
    rates = {
        row.name: [row.columns[f"{attack}_success"].value for attack in ("fgsm", "pgd")]
        for row in kept.rows
        if "fgsm_success" in row.columns
    }
    assert rates == {"attacks": [1.0, 0.5], "attacks, judged": [1.0, 0.5], "ART": [0.0, 0.0]}
    assert "fgsm_success" not in kept.rows[0].columns


def test_many_pairs_cost_what_is_counted(kept: StoredResult) -> None:
    """Of two steps there is one stage, so that all three ask for the same."""
    rows = {row.name: row.columns for row in kept.rows}
    for budget in (0.004, 0.03):
        for attack in MANY:
            row = rows[f"{attack}, eps={budget}"]
            assert row["many_gradients"].value == 2.0
            assert row["many_ratio"].value == 1.0
            assert row["many_seconds"].value > 0.0
    # Red and green up by a grey level, or seven, and blue down; the references as in `toy_faces`.
    for budget, levels in ((0.004, 1), (0.03, 7)):
        moved = np.array([102 + levels, 102 + levels, 102 - levels]) / 255
        others = np.array([[102, 102, 112], [102, 102, 117]]) / 255
        cosine = others @ moved / np.linalg.norm(others, axis=1) / np.linalg.norm(moved)
        robust = np.mean(2 - 2 * cosine < 0.005)
        for attack in MANY:
            assert rows[f"{attack}, eps={budget}"]["many_robust"].value == robust


def test_who_is_broken_early_costs_less() -> None:
    images = np.full((8, SIDE, SIDE, 3), 102 / 255, np.float32)
    references = np.full((8, 3), 0.4, np.float32)
    references[:, 2] += 10 / 255
    references[0, 2] += 5 / 255
    criterion = Dodging(references, 0.005)
    found = many_pairs(mean_colour, images, criterion, [0.03], steps=16, rounds=1)
    whole, _, staged = found.values()
    assert whole["gradients"].value == 16.0
    # The first stage is a step that crosses the ball: nobody is left.
    assert staged["gradients"].value == pytest.approx(1.0)
    assert staged["ratio"].value == pytest.approx(1 / 16)
    assert staged["robust"].value == whole["robust"].value == 0.0


def test_speeds_are_those_of_the_rounds() -> None:
    images = np.zeros((4, SIDE, SIDE, 3), np.float32)
    references = np.full((4, 3), 0.1, np.float32)
    references[0] = 0.0
    times: Times = {
        "floor": (images, [1.0, 1.0, 2.0], [2.0, 2.0, 2.0]),
        "attacks": (images, [2.0, 1.0, 4.0], [3.0, 3.0, 3.0]),
        "ART": (images, [8.0, 8.0, 8.0], [9.0, 9.0, 9.0]),
        "foolbox": (images, [5.0, 5.0, 5.0], [6.0, 6.0, 6.0]),
    }
    task = Task(mean_colour, images, 0.03, 2, 0.1)
    table = attacks.columns(times, mean_colour, Dodging(references, 0.02), ["ART", "foolbox"], task)
    own = {name: measurement.value for name, measurement in table["attacks"].items()}
    assert own == {
        "images_per_second": 2.0,
        "processor_ms": 750.0,
        "ratio": 2.0,
        "processor_ratio": 1.5,
        "speedup": 2.5,
        "processor_speedup": 2.0,
        "success": 0.75,
        "success_8bit": 0.75,
    }
    speed = table["attacks"]["images_per_second"]
    assert (speed.low, speed.high) == (1.5, 3.0)
    assert table["foolbox"]["speedup"].value == 1.0
    assert set(table["floor"]) == {"images_per_second", "processor_ms", "ratio", "processor_ratio"}
