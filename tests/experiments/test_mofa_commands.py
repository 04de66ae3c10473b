"""The commands of the paper on MoFA from training to scan, as a user types them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mofa import encoder, face_model_files
from tests.experiments.command import result, run
from tests.mofa.face_model_files.basel_files import STORES, as_list, basel_names, write_hdf5
from weights import made_for


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mofa")


def finish(folder: Path, module: str, *arguments: str, output: str | None = None) -> Path:
    """Run a command to its end; the folder of its run."""
    path = folder / (output or module)
    done = run(module, "--preset=smoke", *arguments, f"--output_dir={path}", cache=folder)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def identity(folder: Path) -> Path:
    return finish(folder, "train_identity")


@pytest.fixture(scope="module")
def detector(folder: Path) -> Path:
    return finish(folder, "train_detector")


@pytest.fixture(scope="module")
def self_perturbed(folder: Path) -> Path:
    kind = "--kind=self_perturbed"
    return finish(folder, "train_detector", kind, output="train_self_perturbed")


@pytest.fixture(scope="module")
def given(identity: Path) -> tuple[str, ...]:
    """Classifiers that nothing but two epochs have taught accept and reject anything."""
    return (
        f"--identity_code={identity}/identity_code.h5",
        f"--identity_image={identity}/identity_image.h5",
        "--steps=4",
        "--pairs=1",
    )


def test_identity_classifiers_are_written_and_measured(identity: Path) -> None:
    rows = {row["name"]: row for row in result(identity)["rows"]}
    assert set(rows) == {"mofa", "vgg19"}
    assert rows["mofa"]["threshold"]["paper"] == 0.174
    assert rows["vgg19"]["threshold"]["paper"] == 0.413
    for row in rows.values():
        assert 0.0 <= row["auc"]["value"] <= 1.0
    assert (identity / "roc.png").exists()


def test_a_finished_training_is_read_back(folder: Path, identity: Path) -> None:
    before = result(identity)["rows"]
    again = finish(folder, "train_identity", "--resume")
    assert result(again)["rows"] == before


def test_attack_has_the_rows_and_columns_of_the_design(
    folder: Path, given: tuple[str, ...]
) -> None:
    rows = ("mofa", "vgg19", "fgsm", "l2", "light")
    path = finish(folder, "mofa_attack", *given, f"--rows={','.join(rows)}", "--eps=0.05")
    found = {row["name"]: row for row in result(path)["rows"]}
    assert set(found) == {*rows, "minimum_epsilon", "judge,code", "judge,image"}
    for name in rows:
        assert {"success", "success_8bit", "source_similarity", "target_similarity"} <= set(
            found[name]
        )
    assert "Epsilon 0.05 (5 grey levels), cap 0.02" in result(path)["table"]["notes"]
    # A cap of 0.02 is 5.1 grey levels.
    assert found["mofa"]["change"]["value"] == pytest.approx(5.1, abs=0.01)
    assert found["fgsm"]["change"]["value"] == pytest.approx(5.1, abs=0.01)
    assert found["mofa"]["way"]["value"] > 0.0
    assert "pose_way" in found["mofa"]
    panel = cv2.imread(str(path / "panel.png"))
    assert panel.shape == (26 + 224, 7 * 224, 3)
    logged = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert sum(line["row"] == "trace" for line in logged) == 4


def test_the_pose_term_is_what_the_flag_says(folder: Path, given: tuple[str, ...]) -> None:
    ways = []
    for term in ("rotation", "both"):
        flags = (*given, "--rows=mofa", "--minimum_pairs=0", f"--pose_term={term}")
        path = finish(folder, "mofa_attack", *flags, output=f"attack_{term}")
        assert json.loads((path / "flags.json").read_text())["pose_term"] == term
        ways.append(result(path)["rows"][0]["way"]["value"])
    assert ways[0] != ways[1]


def test_attack_names_what_is_wrong(folder: Path, identity: Path) -> None:
    for flag, message in (
        ("--rows=nothing", "--rows names nothing"),
        ("--rows=transfer", "--transfer_encoder=PATH"),
        ("--source=a.png", "give both or neither"),
        ("--identity_code=none.h5", "train_identity"),
        (f"--encoder={encoder.ALEXNET_PATH}", "mofa_identity_code_alexnet.h5 goes"),
    ):
        done = run("mofa_attack", "--preset=smoke", flag, f"--output_dir={folder}/x", cache=folder)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_files_that_do_not_go_together_are_refused_by_every_command(
    folder: Path, identity: Path, detector: Path
) -> None:
    """And each message says what was made for what, and how to go on all the same."""
    for module, flags, message in (
        (
            "reconstruct",
            (f"--model={face_model_files.DEFAULT_PATH}", "--count=1"),
            "mofa_encoder_alexnet.h5 was made for the face model learned_face_model.h5, not for "
            "open_face_model.h5, with which mofa_encoder_small.h5 goes",
        ),
        (
            "mofa_attack",
            (
                *("--preset=smoke", "--rows=transfer"),
                f"--transfer_encoder={encoder.ALEXNET_PATH}",
            ),
            "mofa_encoder_alexnet.h5 was made for the face model learned_face_model.h5, not for "
            "open_face_model.h5",
        ),
        (
            "scan",
            (f"--detector={detector}/detector.h5", __file__),
            "detector_thresholds.json was made for the detector detector_small.h5, not for "
            "detector.h5",
        ),
        (
            "scan",
            ("--temperature=3", __file__),
            "thresholds of temperature 1, not of 3. Give --temperature=1",
        ),
    ):
        output = f"--output={folder}/x" if module == "scan" else f"--output_dir={folder}/x"
        done = run(module, *flags, output, cache=folder)
        assert done.returncode == 1
        assert message in done.stderr
        assert "--allow_mismatch to go on all the same" in done.stderr
        assert "Traceback" not in done.stderr


def test_what_is_trained_says_what_it_goes_with(
    identity: Path, detector: Path, detection: Path
) -> None:
    own = made_for.content(encoder.DEFAULT_PATH)
    assert made_for.read(identity / "identity_code.h5") == {"encoder": own}
    assert made_for.read(identity / "identity_image.h5") == {}
    assert made_for.read(detector / "detector.h5") == {"face_model": face_model_files.content()}
    assert made_for.read(detection / "thresholds.json") == {
        "detector": made_for.content(detector / "detector.h5"),
        "encoder": own,
        "identity_code": made_for.content(identity / "identity_code.h5"),
    }


def test_a_basel_face_model_as_it_is_from_training_to_attack(folder: Path) -> None:
    """With Basel's own names of landmarks, as numbers of characters."""
    model = face_model_files.read()
    named = as_list(model, basel_names(model))
    basel = write_hdf5(model, folder / "model2017-1_bfm.h5", named, STORES["int8"])
    path = finish(folder, "train_mofa", f"--model={basel}", output="basel")
    mine = (f"--model={basel}", f"--encoder={path}/encoder.h5")
    assert made_for.read(path / "encoder.h5") == {"face_model": face_model_files.content(basel)}
    identity = finish(folder, "train_identity", *mine, output="basel_identity")
    attacked = finish(
        folder,
        "mofa_attack",
        *mine,
        f"--identity_code={identity}/identity_code.h5",
        f"--identity_image={identity}/identity_image.h5",
        *("--steps=4", "--pairs=1", "--rows=mofa", "--minimum_pairs=0"),
        output="basel_attack",
    )
    assert result(attacked)["rows"][0]["change"]["value"] > 0.0
    fitted = folder / "basel_fit"
    flags = ("--count=1", "--refine=2", "--fit_iterations=2", f"--output_dir={fitted}")
    done = run("reconstruct", *mine, *flags, cache=folder)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in result(fitted)["rows"]}
    assert rows["refined"]["landmark"]["value"] < 0.5 * rows["mofa"]["landmark"]["value"]
    drawn = folder / "basel_drawn"
    done = run("render", mine[0], "--count=1", f"--output_dir={drawn}", cache=folder)
    assert done.returncode == 0, done.stderr
    assert (drawn / "faces.png").exists()


def test_intensity_has_a_row_for_each_setting(folder: Path, given: tuple[str, ...]) -> None:
    path = finish(
        folder, "mofa_intensity", *given[::2], given[3], "--eps=0.005,0.05", "--caps=0.01"
    )
    found = {row["name"]: row for row in result(path)["rows"]}
    assert set(found) == {"eps=0.005", "eps=0.05", "cap=0.01", "judge,code"}
    changes = [found[name]["change"]["value"] for name in ("eps=0.005", "cap=0.01", "eps=0.05")]
    # 255 * 0.005 * 0.4, 255 * 0.01 and 255 * 0.02.
    assert changes == pytest.approx([0.51, 2.55, 5.1], abs=0.01)
    levels = "epsilon 0.005 and 0.05 (0 and 5 grey levels), cap 0.01 (2 grey levels)"
    assert levels in result(path)["table"]["notes"]
    # Source, two settings and target; image, perturbation and reconstruction.
    assert cv2.imread(str(path / "epsilon.png")).shape == (26 + 3 * 224, 4 * 224, 3)


def test_sweep_has_a_point_for_each_curve_and_epsilon(folder: Path, given: tuple[str, ...]) -> None:
    path = finish(folder, "mofa_sweep", *given, "--points=3")
    found = {row["name"]: row for row in result(path)["rows"]}
    curves = [f"{n},{a}" for a in ("attack", "fgsm") for n in ("mofa", "vgg19_on_mofa", "vgg19")]
    # Evenly spaced on a logarithmic axis: 0.005, sqrt(0.005 * 5) and 5; one pair has nobody twice.
    names = [f"{curve},eps={eps}" for curve in curves for eps in ("0.005", "0.1581", "5")]
    assert list(found) == [*names, "judge,code", "judge,image"]
    assert list(result(path)["fallen"]) == list(result(path)["lost"]) == curves
    # 255 * 0.4 * 0.005 is half a level: what is stored is the source.
    for curve in curves:
        first = found[f"{curve},eps=0.005"]
        assert first["source_similarity"]["value"] == pytest.approx(1.0, abs=1e-3)
        assert first["success"]["value"] == 0.0
    assert found["mofa,attack,eps=0.1581"]["source_similarity"]["value"] < 0.999
    assert "Epsilon from 0.005 to 5, reading B." in result(path)["table"]["notes"]
    # Source, three epsilons and target, each above its reconstruction.
    assert cv2.imread(str(path / "panel.png")).shape == (26 + 2 * 224, 5 * 224, 3)


def test_detector_is_written_and_measured(detector: Path) -> None:
    rows = {row["name"]: row for row in result(detector)["rows"]}
    assert set(rows) == {"train", "validation", "test"}
    assert rows["test"]["l2"]["value"] > 0.0
    for name in ("rmse", "rmse_pca"):
        assert 0.0 < rows["test"][name]["value"] < 1.0
    assert (detector / "detector.h5").exists()


def test_a_detector_of_perturbed_faces_is_written_and_measured(
    folder: Path, self_perturbed: Path
) -> None:
    rows = {row["name"]: row for row in result(self_perturbed)["rows"]}
    assert set(rows) == {"train", "validation", "test"}
    for row in rows.values():
        assert set(row) == {"name", "accuracy", "auc", "tpr_0.01"}
        assert 0.0 <= row["auc"]["value"] <= 1.0
    model = face_model_files.content()
    assert made_for.read(self_perturbed / "self_perturbed.h5") == {"face_model": model}
    for wrong, message in (
        (("--kind=self_perturbed", "--band=4"), "--band is of --kind=autoencoder, not of --kind="),
        (("--filters=4",), "--filters is of --kind=self_perturbed, not of --kind=autoencoder."),
        (("--kind=self_perturbed", "--crop=16"), "--crop must lie from 32 to 224, got 16."),
    ):
        done = run("train_detector", "--preset=smoke", *wrong, cache=folder)
        assert done.returncode == 1
        assert message in done.stderr


def test_the_same_seed_gives_the_same_detector(folder: Path, detector: Path) -> None:
    again = finish(folder, "train_detector", output="detector_again")
    assert result(again)["rows"] == result(detector)["rows"]


def test_defence_has_a_row_for_each(folder: Path, given: tuple[str, ...], detector: Path) -> None:
    path = finish(
        folder,
        "defense",
        *(given[0], given[2], given[3]),
        f"--detector={detector}/detector.h5",
        "--rows=none,noise,autoencoder,resgn,resgn_dlib,magnet",
    )
    rows = {row["name"]: row for row in result(path)["rows"]}
    assert set(rows) == {"none", "noise", "autoencoder", "resgn", "resgn_dlib", "magnet"}
    assert rows["none"]["back"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert rows["none"]["kept"]["value"] == 1.0
    assert rows["none"]["normal_distance"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert rows["none"]["distance"]["value"] > 0.0
    # Who knows a defence that draws nothing has the unaware image, too.
    for name in ("none", "autoencoder", "resgn", "resgn_dlib", "magnet"):
        assert rows[name]["adaptive_stopped"]["value"] <= rows[name]["stopped"]["value"]
    for part in ("shape", "expression", "rotation", "light"):
        assert rows["none"][f"back_{part}"]["value"] == pytest.approx(0.0, abs=1e-6)
        assert rows["autoencoder"][f"back_{part}"]["value"] != 0.0
    for name in ("undone", "stopped", "similarity", "distance"):
        assert {name, f"adaptive_{name}"} <= set(rows["noise"])
    # MagNet's reformer is the autoencoder, and what it refuses besides is stopped, too.
    assert rows["magnet"]["distance"] == rows["autoencoder"]["distance"]
    assert rows["magnet"]["stopped"]["value"] >= rows["autoencoder"]["stopped"]["value"]
    assert rows["magnet"]["kept"]["value"] <= rows["autoencoder"]["kept"]["value"]
    # Two networks, neither of which leaves a face as it is.
    cleaned = [rows[name]["normal_distance"]["value"] for name in ("resgn", "resgn_dlib")]
    assert min(cleaned) > 0.0
    assert cleaned[0] != cleaned[1]
    assert (path / "figure6.png").stat().st_size > 0
    # Original, adversarial, target and four defended, each with its reconstruction.
    assert cv2.imread(str(path / "panel.png")).shape == (26 + 224, 14 * 224, 3)


@pytest.fixture(scope="module")
def detection(folder: Path, given: tuple[str, ...], detector: Path, self_perturbed: Path) -> Path:
    return finish(
        folder,
        "detection",
        *(given[0], given[2], "--eps=0.05", "--adaptive_scores=js,self_perturbed"),
        f"--detector={detector}/detector.h5",
        f"--self_perturbed={self_perturbed}/self_perturbed.h5",
    )


def test_detection_leaves_table_figures_and_thresholds(detection: Path) -> None:
    rows = {row["name"]: row for row in result(detection)["rows"]}
    attackers = {
        f"eps=0.05,{score}{name}"
        for score in ("", "self_perturbed,")
        for name in ("unaware", "equation1", "judge")
    }
    assert set(rows) == {"normal", "eps=0.05", "fgsm", "pgd"} | attackers
    assert rows["eps=0.05"]["js"]["paper"] == 0.9632
    for end in ("", "_one", "_auc"):
        assert 0.0 <= rows["eps=0.05"][f"self_perturbed{end}"]["value"] <= 1.0
    assert rows["normal"]["rmse"]["value"] > 0.0
    assert rows["normal"]["rmse_pca"]["value"] > 0.0
    for name in attackers:
        assert 0.0 <= rows[name]["unnoticed"]["value"] <= rows[name]["reached"]["value"] <= 1.0
    for name in ("detection.md", "detection.csv", "roc.png", "scores.png"):
        assert (detection / name).stat().st_size > 0
    limits = json.loads((detection / "thresholds.json").read_text())["thresholds"]
    assert set(limits) == {"l1", "l2", "linf", "js"}


def test_scan_gives_each_file_a_verdict(
    folder: Path, given: tuple[str, ...], detector: Path, detection: Path
) -> None:
    images = folder / "some images"
    images.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(images / name), rng.integers(0, 256, (224, 224, 3), dtype=np.uint8))
    (images / "broken.jpg").write_bytes(b"no image")
    (images / "readme.txt").write_text("not looked at")
    arguments = (
        str(images),
        given[0],
        f"--detector={detector}/detector.h5",
        f"--thresholds={detection}/thresholds.json",
        f"--output={folder}/verdicts",
    )
    done = run("scan", *arguments, cache=folder)
    assert done.returncode == 1  # a file was skipped
    assert "broken.jpg" in done.stderr
    assert "2 scanned" in done.stdout
    with (folder / "verdicts.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [Path(line["file"]).name for line in lines] == ["a.png", "b.png", "broken.jpg"]
    assert lines[0]["attacked"] in ("True", "False")
    assert float(lines[0]["l2"]) > 0.0
    assert lines[2]["error"]
    data = json.loads((folder / "verdicts.json").read_text())
    limits = data["thresholds"]
    known = json.loads((detection / "thresholds.json").read_text())["false_alarms"]
    assert data["false_alarms"] == known
    assert f"flagged {known:.0%} of other people's normal faces" in done.stdout
    for verdict in data["images"][:2]:
        assert verdict["attacked"] == any(verdict[name] >= limits[name] for name in limits)
    before = (folder / "verdicts.csv").read_bytes()
    again = run("scan", *arguments, cache=folder)
    assert again.returncode == 1
    assert "--force" in again.stderr
    assert (folder / "verdicts.csv").read_bytes() == before
