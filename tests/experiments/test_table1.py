from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.face_verification.settings import LAPTOP
from experiments.running.results import wilson_interval
from tests.experiments.command import ROOT, result, run, start
from weights import keras_h5

SMOKE = ("--preset=smoke", "--rows=joint,randomization,none")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def finished(cache: Path) -> Path:
    """One undisturbed run."""
    folder = cache / "whole"
    done = run("table1", *SMOKE, f"--output_dir={folder}", cache=cache)
    assert done.returncode == 0, done.stderr
    assert "| joint |" in done.stdout
    return folder


def test_result_follows_the_design(finished: Path) -> None:
    data = result(finished)
    assert data["experiment"] == "table1"
    assert data["command"].startswith("python -m experiments.table1 --preset=smoke")
    assert data["precision"] in ("float32", "mixed_bfloat16")
    assert data["seed"] == 0
    assert data["seconds"] > 0
    assert [row["name"] for row in data["rows"]] == ["joint", "randomization", "none"]
    for row in data["rows"]:
        for column, count in (("dodging", 6), ("impersonation", 6), ("legitimate", 12)):
            cell = row[column]
            assert cell["count"] == count
            hits = cell["value"] * count
            assert hits == pytest.approx(round(hits))
            # Pairs share people: hardly ever narrower than of as many independent ones.
            low, high = wilson_interval(round(hits), count)
            assert cell["low"] <= low + 0.02
            assert cell["high"] >= high - 0.02
            assert 0.0 <= cell["low"] <= cell["value"] <= cell["high"] <= 1.0
    assert data["rows"][0]["dodging"]["paper"] == 0.9945
    assert "FGSM with eps 0.03 (7 grey levels), 8-bit images" in data["table"]["notes"]
    # Only pairs that the target verifies correctly are attacked.
    assert data["rows"][2]["legitimate"]["value"] == 1.0


def test_a_further_network_judges_in_columns_of_its_own(finished: Path, cache: Path) -> None:
    """The ResGN that `finished` trained for dlib, seen by FaceNet, too."""
    folder = cache / "judged"
    done = run("table1", *SMOKE, "--judges=facenet", f"--output_dir={folder}", cache=cache)
    assert done.returncode == 0, done.stderr
    data = result(folder)
    joint, randomization, none = data["rows"]
    for row, before in zip(data["rows"], result(finished)["rows"], strict=True):
        assert row["dodging"] == before["dodging"]
    # Randomization lies inside of the target: it cleans no image that another one could judge.
    assert not any(column.startswith("facenet_") for column in randomization)
    for row in (joint, none):
        assert [row[f"facenet_{c}"]["count"] for c in ("dodging", "legitimate")] == [6, 12]
    # FaceNet was not attacked, and knows these people.
    assert none["facenet_legitimate"]["value"] > 0.7
    assert none["facenet_dodging"]["value"] > none["dodging"]["value"]
    assert 0.5 < data["judges"]["facenet"] < 1.6
    assert "judged by facenet" in data["table"]["notes"]


def test_leaves_everything_that_is_promised(finished: Path) -> None:
    for name in ("flags.json", "metrics.jsonl", "table1.md", "table1.csv", "table1.png"):
        assert (finished / name).stat().st_size > 0
    assert list((finished / "tensorboard" / "joint").glob("events*"))
    table = list(csv.DictReader((finished / "table1.csv").open()))
    assert len(table) == 9
    logged = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    epoch = next(line for line in logged if "loss/total" in line)
    parts = [epoch[f"loss/{term}"] for term in ("pixel", "texture", "verification")]
    assert epoch["loss/total"] == pytest.approx(sum(parts))
    assert {"learning_rate", "images_per_second"} <= set(epoch)
    last = [line for line in logged if "loss/total" in line and line["row"] == epoch["row"]][-1]
    assert "validation/dodging" in last


def test_a_second_run_crafts_and_trains_nothing_and_gives_the_same_numbers(
    finished: Path, cache: Path
) -> None:
    kept = {path.name: path.stat().st_mtime_ns for path in (cache / "adversarial").iterdir()}
    assert len(kept) == 5  # three intensities to learn from, validation, test
    again = cache / "again"
    done = run("table1", *SMOKE, f"--output_dir={again}", cache=cache)
    assert done.returncode == 0, done.stderr
    assert "FGSM" not in done.stderr
    assert "training joint" not in done.stderr
    assert not (again / "training").exists()
    # The course of the training that it takes over is logged all the same.
    losses = [
        [
            json.loads(line)["loss/total"]
            for line in (folder / "metrics.jsonl").open()
            if "loss" in line
        ]
        for folder in (finished, again)
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 2
    assert {p.name: p.stat().st_mtime_ns for p in (cache / "adversarial").iterdir()} == kept
    assert result(again)["rows"] == result(finished)["rows"]


@pytest.mark.parametrize("landmark", ["flags.json", "training/joint/best.h5", "rows/joint.json"])
def test_a_run_killed_at_any_point_goes_on_to_the_same_table(
    finished: Path, cache: Path, landmark: str
) -> None:
    folder = cache / landmark.replace("/", "_")
    shutil.rmtree(cache / "cleaners")
    process = start("table1", *SMOKE, f"--output_dir={folder}", cache=cache)
    deadline = time.monotonic() + 300
    while not (folder / landmark).exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (folder / "result.json").exists()
    done = run("table1", *SMOKE, f"--output_dir={folder}", "--resume", cache=cache)
    assert done.returncode == 0, done.stderr
    assert result(folder)["rows"] == result(finished)["rows"]


IN_TURN = (
    "from experiments import table1; from experiments.running.at_once import AtOnce; "
    "table1.VerificationExperiment.at_once = lambda experiment, makers: AtOnce(makers, 0); "
    "table1.command_line.run(table1.main, table1.FLAGS)"
)
"""The command as it runs on one core: one thing at a time."""


def test_rows_made_at_once_are_those_of_one_after_the_other(cache: Path, tmp_path: Path) -> None:
    rows = ("none", "pixel", "verification")
    found: list[dict[str, Any]] = []
    for name, program in (("at_once", ("-m", "experiments.table1")), ("in_turn", ("-c", IN_TURN))):
        folder, own = tmp_path / name, tmp_path / f"cache_{name}"
        shutil.copytree(cache, own, ignore=shutil.ignore_patterns("cleaners", "*.md", "rows"))
        flags = ("--preset=smoke", f"--rows={','.join(rows)}", f"--output_dir={folder}")
        done = subprocess.run(
            [sys.executable, *program, *flags],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "RESGN_CACHE_DIR": str(own),
                "CUDA_VISIBLE_DEVICES": "-1",
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "training verification" in done.stderr
        found.append(result(folder))
    assert found[0]["rows"] == found[1]["rows"]
    for row in rows[1:]:
        networks = [tmp_path / name / "cleaners" / f"{row}.h5" for name in ("at_once", "in_turn")]
        first, second = ([*network_arrays(network)] for network in networks)
        assert len(first) > 10
        for (name, array), (same, other) in zip(first, second, strict=True):
            assert name == same
            np.testing.assert_array_equal(array, other, err_msg=name)


def network_arrays(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Every array of a network's file, by its name."""
    layers, _ = keras_h5.read_layer_weights(file, keras_h5.file_shapes(file))
    for layer, arrays in layers.items():
        for name, array in arrays.items():
            yield f"{layer}/{name}", array


def test_damaged_adversarial_set_is_made_anew(finished: Path, cache: Path) -> None:
    whole = {path: path.read_bytes() for path in (cache / "adversarial").iterdir()}
    for path, data in whole.items():
        path.write_bytes(data[: len(data) // 2])
    folder = cache / "mended"
    done = run("table1", "--preset=smoke", "--rows=none", f"--output_dir={folder}", cache=cache)
    again = {path for path, data in whole.items() if path.read_bytes() == data}
    for path, data in whole.items():
        path.write_bytes(data)
    assert done.returncode == 0, done.stderr
    assert "is damaged" in done.stderr
    assert result(folder)["rows"][0] == result(finished)["rows"][2]
    assert 0 < len(again) < len(whole), "a row that learns nothing needs no examples"


def refused(*arguments: str, cache: Path) -> str:
    """The one line with which a user's mistake is answered."""
    done = run("table1", *arguments, cache=cache)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("epsilon", ["-0.03", "0", "1.5", "nan"])
def test_epsilon_out_of_range(epsilon: str, tmp_path: Path) -> None:
    assert f"--eps={epsilon}: must lie in (0, 1]" in refused(f"--eps={epsilon}", cache=tmp_path)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dataset=lfw",), "needs --data_dir"),
        (("--dataset=lfw", "--data_dir=nowhere"), "no such folder"),
        (("--rows=joint,jiont",), "choose, each once, from pixel"),
        (("--judges=dlib",), "--judges are further networks than the target, dlib"),
        (("--judges=nobody",), "Unknown target 'nobody'"),
        (("--texture=vgg_face",), "pass --vgg_face_weights=PATH"),
        (("--target=facenet", "--facenet_weights=nowhere.h5"), "nowhere.h5"),
        (("--test_same=100000",), "Ask for fewer"),
        (("--train_same=0",), "--train_same must be at least 1"),
        (("--learning_rate=-1",), "--learning_rate must be above 0"),
        (("--texture_weight=-1",), "--texture_weight must be 0 or more"),
    ],
)
def test_mistakes_get_one_clear_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    assert message in refused("--preset=smoke", *arguments, cache=tmp_path)


def test_output_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    message = refused(*SMOKE, f"--output_dir={tmp_path / 'taken'}", cache=tmp_path)
    assert "must name a folder" in message


def test_a_finished_run_is_not_overwritten(finished: Path, cache: Path) -> None:
    before = (finished / "result.json").read_bytes()
    message = refused(*SMOKE, f"--output_dir={finished}", cache=cache)
    assert "pass --resume" in message
    assert (finished / "result.json").read_bytes() == before


def test_resuming_with_other_flags_names_them(finished: Path, cache: Path) -> None:
    message = refused(*SMOKE, "--seed=1", f"--output_dir={finished}", "--resume", cache=cache)
    assert "--seed (was 0)" in message


def test_a_full_disk_leaves_no_half_written_table(finished: Path, cache: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    folder = cache / "full"
    folder.mkdir()
    shutil.copy(finished / "flags.json", folder)  # a run that was cut off
    (folder / "metrics.jsonl").symlink_to(full)
    message = refused(*SMOKE, f"--output_dir={folder}", "--resume", cache=cache)
    assert "No space left" in message
    assert not (folder / "result.json").exists()
    assert not (folder / "table1.md").exists()


def test_help_names_every_value_of_the_presets() -> None:
    done = run("table1", "--helpshort")
    for name in LAPTOP.keys() - {"preset"}:
        assert f"--{name}" in done.stdout or f"--[no]{name}" in done.stdout, name


def test_lopez_image_range_and_randomization_of_more_sizes(cache: Path) -> None:
    """The last in this file: others count what lies in the cache."""
    folder, rows = cache / "lopez", ("randomization", "randomization_wide", "none")
    flags = ("--preset=smoke", "--target=facenet", "--image_range=lopez")
    given = (*flags, f"--rows={','.join(rows)}", f"--output_dir={folder}")
    done = run("table1", *given, cache=cache)
    assert done.returncode == 0, done.stderr
    data = result(folder)
    assert [row["name"] for row in data["rows"]] == list(rows)
    assert data["rows"][2]["legitimate"]["value"] == 1.0
    assert data["rows"][1]["legitimate"]["paper"] is None
    assert "FaceNet takes them as they are, as in" in data["table"]["notes"]
    assert json.loads((folder / "flags.json").read_text())["image_range"] == "lopez"
    refusal = refused(*flags, "--rows=none", "--judges=dlib", cache=cache)
    assert "Images of --image_range=lopez are FaceNet's alone" in refusal
