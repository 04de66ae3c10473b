from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import h5py
import numpy as np
import pytest

from experiments.train_mofa import check_parts
from mofa import encoder, face_model_files
from tests.experiments.command import result, run
from weights.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mofa")


@pytest.fixture(scope="module")
def trained(folder) -> Path:
    output = folder / "train"
    done = run(
        "train_mofa",
        *("--preset=smoke", "--dataset=rendered,orl", f"--output_dir={output}"),
        cache=folder,
    )
    assert done.returncode == 0, done.stderr
    return output


def test_training_writes_an_encoder_terms_and_measures(trained) -> None:
    rows = {row["name"]: row for row in result(trained)["rows"]}
    assert set(rows) == {"rendered", "orl"}
    assert {"photometric", "landmark"} <= set(rows["orl"])
    assert {"vertices", "rotation", "light"} <= set(rows["rendered"])
    assert (trained / "encoder.h5").exists()
    assert (trained / "encoder_in_training.h5").exists()
    last = json.loads((trained / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 3
    assert {"photometric", "landmark", "albedo", "code_rotation", "total"} <= set(last)
    assert list((trained / "tensorboard" / "validation").glob("events*"))


def test_reconstruct_draws_and_compares(trained, folder) -> None:
    output = folder / "reconstruct"
    done = run(
        "reconstruct",
        *(f"--encoder={trained / 'encoder.h5'}", "--count=2", "--fit_iterations=3", "--refine=2"),
        f"--output_dir={output}",
        cache=folder,
    )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in result(output)["rows"]}
    assert set(rows) == {"mofa", "refined", "mean_face"}
    assert rows["mean_face"]["photometric_ratio"]["value"] == pytest.approx(1.0)
    assert rows["refined"]["light"]["value"] != rows["mofa"]["light"]["value"]
    assert rows["refined"]["rotation"]["count"] == 2
    for name in ("rendered_000.png", "rendered_001.obj", "panel.png", "codes.npy"):
        assert (output / name).stat().st_size > 0


def test_a_photograph_without_a_face_is_named(trained, folder) -> None:
    path = folder / "wall.png"
    cv2.imwrite(str(path), np.full((120, 100), 90, np.uint8))
    done = run("reconstruct", f"--encoder={trained / 'encoder.h5'}", str(path), cache=folder)
    assert done.returncode == 1
    assert f"error: {path}: no face was found." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset=mars"], "--dataset knows rendered, celeba"),
        (["--dataset=celeba"], "--data_dir must name a folder for each of celeba"),
        (["--init=nowhere.h5"], "nowhere.h5"),
    ],
)
def test_mistakes_are_answered_in_one_line(folder, arguments: list[str], message: str) -> None:
    done = run("train_mofa", "--preset=smoke", *arguments, cache=folder)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_albedo_is_learned_from_photographs(trained, folder) -> None:
    output = folder / "learned.h5"
    done = run(
        "learn_albedo",
        *("--dataset=orl", f"--encoder={trained / 'encoder.h5'}", f"--output={output}"),
        "--allow_mismatch",  # the geometry counts alone, which both models share
        cache=folder,
    )
    assert done.returncode == 0, done.stderr
    assert "photographs, mirrored ones included" in done.stdout
    learned, plain = face_model_files.read(output), face_model_files.read()
    np.testing.assert_array_equal(learned.mean_shape, plain.mean_shape)
    # ORL is grey: what its photographs show at the nose has no colour, far from it skin keeps it.
    nose = learned.mean_albedo[learned.landmark_vertices()[30]]
    assert np.ptp(nose) < 0.5 * np.ptp(plain.mean_albedo[plain.landmark_vertices()[30]])
    back = int(np.argmin(plain.mean_shape[:, 2]))
    np.testing.assert_allclose(learned.mean_albedo[back], plain.mean_albedo[back], atol=0.05)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [("rendered", "Albedo is learned from photographs"), ("rendered,orl", "leave them out")],
)
def test_albedo_needs_photographs_alone(folder, dataset, message) -> None:
    done = run("learn_albedo", f"--dataset={dataset}", f"--output={folder}/x.h5", cache=folder)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (folder / "x.h5").exists()


def test_encoders_say_which_face_model_they_decode_with(trained) -> None:
    assert encoder.face_model(trained / "encoder.h5") == "learned"
    assert encoder.face_model(encoder.DEFAULT_PATH) == "open"
    assert encoder.face_model(encoder.ALEXNET_PATH) == "learned"


def test_an_encoder_of_another_face_model_asks_for_it(trained, folder) -> None:
    path = folder / "other.h5"
    shutil.copy(trained / "encoder.h5", path)
    with h5py.File(path, "r+") as file:
        file.attrs["face_model"] = np.bytes_(b"model2017-1_bfm_nomouth.h5")
    done = run("reconstruct", f"--encoder={path}", f"--output_dir={folder}/other", cache=folder)
    assert done.returncode == 1
    assert "(model2017-1_bfm_nomouth.h5): give it with --model" in done.stderr


def split(train: int, validation: int, test: int) -> SimpleNamespace:
    return SimpleNamespace(train=range(train), validation=range(validation), test=range(test))


def test_a_part_without_photographs_is_told_before_the_training() -> None:
    check_parts({"orl": split(2, 0, 1)}, 4)  # panels are drawn where there are any
    check_parts({"orl": split(0, 0, 1)}, 0)
    with pytest.raises(InputError, match="celeba has no photographs to learn from"):
        check_parts({"orl": split(2, 1, 1), "celeba": split(0, 1, 1)}, 4)
    with pytest.raises(InputError, match="orl has no photographs of people kept out"):
        check_parts({"orl": split(2, 1, 0)}, 4)


def test_what_compiles_other_gradients_is_refused(folder: Path) -> None:
    done = run("train_mofa", "--preset=smoke", "--jit", f"--output_dir={folder / 'jit'}")
    assert done.returncode == 1
    assert "--jit compiles ResGN's gradients and no encoder's" in done.stderr
