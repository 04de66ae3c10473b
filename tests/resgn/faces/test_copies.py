from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from resgn.faces.copies import without_copies
from resgn.faces.dataset import FaceDataset
from resgn.faces.loading import load_dataset
from resgn.faces.pairs import read_pairs
from weights.errors import InputError

Write = Callable[[Path, np.ndarray], Path]


@pytest.fixture
def people(tmp_path: Path, write_image_file: Write) -> Path:
    """Four people with two pictures each, all different."""
    for number, name in enumerate(f"{person}/{n}.png" for person in "ABCD" for n in (1, 2)):
        write_image_file(tmp_path / "people" / name, np.full([20, 20, 3], number, np.uint8))
    return tmp_path / "people"


def _load(root: Path) -> FaceDataset:
    return without_copies(load_dataset("folder", root))


def test_pictures_that_are_there_once_stay(people: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        dataset = _load(people)
    assert len(dataset) == 8
    assert not dataset.left_out
    assert not caplog.text


def test_of_copies_of_one_person_the_first_stays(
    people: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(people / "B" / "1.png", people / "B" / "9.png")
    shutil.copy(people / "B" / "1.png", people / "B" / "10.png")
    dataset = _load(people)
    # Sorted as text 1.png comes before 10.png.
    assert [file for file in dataset.files if file.startswith("B")] == ["B/1.png", "B/2.png"]
    assert "2 photographs are copies of others of the same person" in caplog.text
    assert "B/10.png (the same picture as B/1.png)" in caplog.text


def test_a_picture_of_two_people_is_nobodys(people: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(people / "B" / "1.png", people / "D" / "7.png")
    dataset = _load(people)
    assert dataset.files == (
        "A/1.png",
        "A/2.png",
        "B/2.png",
        "C/1.png",
        "C/2.png",
        "D/1.png",
        "D/2.png",
    )
    assert [dataset.person_of(i) for i in range(7)] == list("AABCCDD")
    assert "2 photographs are under two people or more" in caplog.text
    assert "B/1.png (the same picture as D/7.png, of somebody else)" in caplog.text
    assert set(dataset.left_out) == {"B/1.png", "D/7.png"}


def test_nothing_is_left(tmp_path: Path, write_image_file: Write) -> None:
    for name in ("A/1.png", "B/1.png"):
        write_image_file(tmp_path / "same" / name, np.zeros([20, 20, 3], np.uint8))
    with pytest.raises(InputError, match="every photograph is under two people or more"):
        _load(tmp_path / "same")


def test_empty_and_damaged_files_are_no_copies(people: Path) -> None:
    for name in ("A/3.png", "B/3.png"):
        (people / name).touch()
    for name in ("A/4.jpg", "B/4.jpg"):
        (people / name).write_bytes(b"<html>not found</html>")
    (people / "A" / "gone.png").symlink_to(people / "B" / "2.png")
    dataset = load_dataset("folder", people)
    (people / "A" / "gone.png").unlink()
    assert len(without_copies(dataset)) == len(dataset)


def test_a_list_that_names_what_was_left_out(people: Path) -> None:
    shutil.copy(people / "B" / "1.png", people / "D" / "7.png")
    path = people.parent / "pairs.txt"
    path.write_text("1\nD\t1\t7\nA\t1\tC\t1\n")
    with pytest.raises(InputError, match=r"names D/7\.png, which is the same picture as B/1\.png"):
        read_pairs(path, _load(people))
