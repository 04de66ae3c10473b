"""The training of the texture critic as a run, on faces that need no data set."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import train_texture_critic
from experiments.face_verification import critic_faces
from experiments.face_verification.critic_faces import CriticSettings
from experiments.flags import groups
from resgn.faces.alignment import AlignedFaces
from resgn.faces.crops import CROPS
from resgn.faces.pairs import split_people
from resgn.legitimate_pairs import FRACTIONS
from resgn.vgg_face import vgg_face
from tests.experiments.command import result
from weights.errors import InputError


class ToySet:
    """Twelve people, one of whom has too few photographs."""

    people = np.repeat(np.arange(12, dtype=np.int32), [*[4] * 11, 1])
    names = tuple(map(str, range(12)))


def aligned(dataset: ToySet, rows: np.ndarray, crop: str) -> AlignedFaces:
    rng = np.random.default_rng(3)
    tints = rng.integers(0, 200, (12, 1, 1, 3))[dataset.people[rows]]
    images = (tints + rng.integers(0, 50, (len(rows), 160, 160, 3))).astype(np.uint8)
    return AlignedFaces(images, rows, dataset.people[rows])


@pytest.fixture(autouse=True)
def toy_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(critic_faces, "load_dataset", lambda name, folder, skip: ToySet())
    monkeypatch.setattr(critic_faces, "without_copies", lambda dataset: dataset)
    monkeypatch.setattr(critic_faces, "aligned_faces", aligned)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)


def run(folder: Path, *more: str) -> Path:
    given = ["--lfw_dir=a", "--celeba_dir=b", "--minimum_images=4", "--pairs=10", "--width=0.02"]
    given += ["--input_size=32", "--epochs=2", "--batch_size=8", f"--output_dir={folder}", *more]
    with groups.parsed([train_texture_critic.FLAGS], given) as rest:
        train_texture_critic.main(rest)
    return folder


def test_it_is_a_run_and_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path / "whole", f"--output={tmp_path}/critic.h5")
    rows = result(whole)["rows"]
    assert [row["name"] for row in rows] == ["five_points", "box"]
    for row in rows:
        assert row["accuracy"]["count"] == 20
        assert {"auc", "eer"} < set(row)
    said = json.loads((whole / "flags.json").read_text())
    assert (said["width"], said["epochs"], said["seed"]) == (0.02, 2, 0)
    lines = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["row"] == "train"] == [14, 28]
    assert vgg_face(whole / "texture_critic.h5").output_shape[-1] > 0
    assert (tmp_path / "critic.h5").read_bytes() == (whole / "texture_critic.h5").read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_texture_critic, "save_critic", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut")
    again = run(tmp_path / "cut", "--resume")
    assert result(again)["rows"] == result(whole)["rows"]


def test_people_are_those_with_enough_photographs_in_every_crop() -> None:
    faces = critic_faces.CriticFaces.load(CriticSettings("a", "b", 2, 3))
    assert len(faces.images) == len(CROPS) * 2 * 11 * 3
    assert len(np.unique(faces.people)) == 22
    for crop in CROPS:
        assert np.count_nonzero(faces.crops == crop) == 2 * 11 * 3


@pytest.mark.parametrize("seed", [0, 1])
def test_it_learns_from_nobody_on_whom_resgn_is_tested(seed: int) -> None:
    settings = CriticSettings("a", None, 2, 4, seed=seed)
    faces = critic_faces.CriticFaces.load(settings)
    # As `resgn.legitimate_pairs` splits the people of a data set.
    tested = set(ToySet.people[split_people(ToySet.people, FRACTIONS, seed)[-1]]) - {11}
    assert set(faces.people[faces.held_out]) == tested
    assert not set(faces.people[faces.train]) & tested
    assert len(faces.train) + len(faces.held_out) == len(faces.images)


def test_nothing_to_train_on() -> None:
    with pytest.raises(InputError, match="give `lfw_dir`, `celeba_dir` or both"):
        critic_faces.CriticFaces.load(CriticSettings())
    with pytest.raises(InputError, match="99 photographs or more"):
        critic_faces.CriticFaces.load(CriticSettings("a", None, 99, 99))


def test_people_who_are_all_in_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ToySet, "people", np.array([0] * 6 + list(range(1, 12)), np.int32))
    with pytest.raises(InputError, match="all in one part of the split"):
        critic_faces.CriticFaces.load(CriticSettings("a", None, 4, 4))
