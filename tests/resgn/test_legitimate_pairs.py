from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from resgn import legitimate_pairs as module
from resgn.faces import gathering
from resgn.faces.alignment import AlignedFaces
from resgn.faces.crops import BOX
from resgn.faces.dataset import FaceDataset
from resgn.legitimate_pairs import PARTS, Counts, legitimate_pairs
from weights.errors import InputError

PEOPLE, EACH = 40, 6
COUNTS = Counts((20, 20), (4, 4), (8, 8))


def faces(people: int = PEOPLE, each: int = EACH) -> FaceDataset:
    """People without a single file."""
    numbers = np.repeat(np.arange(people, dtype=np.int32), each)
    files = tuple(f"p{i // each}/{i}.png" for i in range(len(numbers)))
    return FaceDataset("toy", Path("nowhere"), files, numbers, tuple(map(str, range(people))))


class Toy:
    """Instead of alignment: crops that say whose they are; some images show no face."""

    def __init__(self, without: tuple[int, ...] = ()) -> None:
        self.aligned: list[int] = []
        self.without = without

    def __call__(
        self, dataset: FaceDataset, rows: np.ndarray, size: int, crop: str
    ) -> AlignedFaces:
        assert crop == BOX
        self.aligned += rows.tolist()
        rows = np.array([row for row in rows if row not in self.without], np.int64)
        images = np.zeros([len(rows), 8, 8, 3], np.uint8)
        images[..., 0] = dataset.people[rows][:, None, None]
        images[..., 1] = (rows % 256)[:, None, None]
        return AlignedFaces(images, rows, dataset.people[rows])


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Toy]:
    def make(without: tuple[int, ...] = ()) -> Toy:
        made = Toy(without)
        monkeypatch.setattr(gathering, "aligned_faces", made)
        monkeypatch.setattr(module, "without_copies", lambda dataset: dataset)
        return made

    return make


class ToyTarget:
    """Tells people apart by the first channel."""

    crop = BOX

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return tf.one_hot(tf.cast(tf.round(images[:, 0, 0, 0] * 255.0), tf.int32), PEOPLE)

    compiled = __call__


def drawn(dataset: FaceDataset, counts: Counts = COUNTS) -> module.LegitimatePairs:
    return legitimate_pairs(dataset, ToyTarget(), counts, calibrate=True, seed=3)  # type: ignore[arg-type]


def test_only_drawn_photographs_are_aligned(toy: Callable[..., Toy]) -> None:
    aligned = toy()
    found = drawn(faces())
    # 1.3 times 64 pairs of two images.
    assert len(aligned.aligned) <= 2 * 1.3 * 64 + 6 < PEOPLE * EACH
    assert len(set(aligned.aligned)) == len(aligned.aligned) == len(found.images)
    people = {}
    for part in PARTS:
        pairs = found.parts[part]
        same, different = getattr(COUNTS, part)
        assert (np.count_nonzero(pairs.same), np.count_nonzero(~pairs.same)) == (same, different)
        whose = found.images[:, 0, 0, 0]
        np.testing.assert_array_equal(whose[pairs.probe] == whose[pairs.reference], pairs.same)
        people[part] = set(whose[np.r_[pairs.probe, pairs.reference]].tolist())
    assert not people["train"] & people["test"]
    assert not people["train"] & people["validation"]
    assert not people["validation"] & people["test"]
    assert found.verified == 1.0


def test_pairs_without_a_face_are_replaced(toy: Callable[..., Toy]) -> None:
    """Every third image shows none; there are enough others."""
    without = tuple(range(0, PEOPLE * EACH, 3))
    aligned = toy(without)
    found = drawn(faces())
    for part in PARTS:
        assert len(found.parts[part]) == sum(getattr(COUNTS, part))
    assert len(set(aligned.aligned)) == len(aligned.aligned)
    numbers = [(int(i[0, 0, 0]), int(i[0, 0, 1])) for i in found.images]
    assert not {number for _, number in numbers} & set(without)
    assert len(set(numbers)) == len(numbers)
    again = drawn(faces())
    np.testing.assert_array_equal(again.images, found.images)
    for part in PARTS:
        np.testing.assert_array_equal(again.parts[part].probe, found.parts[part].probe)


def test_without_missing_faces_pairs_are_those_of_one_draw(toy: Callable[..., Toy]) -> None:
    """So that what was crafted or trained on them serves on."""
    toy()
    dataset = faces()
    found = drawn(dataset)
    rows = module.split_people(dataset.people, module.FRACTIONS, 3)
    expected = module.make_pairs(dataset.people, rows[0], 26, 26, 3)
    expected = expected.select(np.r_[:20, 26:46])
    probes = found.images[found.parts["train"].probe][:, 0, 0, 1]
    np.testing.assert_array_equal(probes, expected.probe % 256)


def test_too_many_show_no_face(toy: Callable[..., Toy]) -> None:
    toy(tuple(i for i in range(PEOPLE * EACH) if i % EACH))
    with pytest.raises(InputError, match=r"usable images of .* people make only"):
        drawn(faces())
    toy(tuple(range(PEOPLE * EACH)))
    with pytest.raises(InputError, match=r"No face was found in any of the \d+ photographs of no"):
        drawn(faces())


def test_as_many_as_there_are(toy: Callable[..., Toy]) -> None:
    """Ten people with two photographs each: every pair of one person is wanted."""
    toy()
    found = drawn(faces(10, 2), Counts((6, 4), (1, 0), (3, 2)))
    assert [np.count_nonzero(found.parts[part].same) for part in PARTS] == [6, 1, 3]


def test_copies_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from resgn.faces.image_file import write_image
    from resgn.faces.loading import load_dataset

    for person in range(12):
        for number in range(4):
            # The last of every person is the first again; one is also somebody else's.
            level = (person, 0 if number == 3 else number, 0)
            image = np.full((20, 20, 3), level, np.uint8)
            write_image(tmp_path / f"{person:02d}" / f"{number}.png", image)
    write_image(tmp_path / "05" / "8.png", np.full((20, 20, 3), (4, 1, 0), np.uint8))

    def align(dataset: FaceDataset, rows: np.ndarray, size: int, crop: str) -> AlignedFaces:
        images = np.stack([dataset.image(int(row)) for row in rows])
        return AlignedFaces(images, rows, dataset.people[rows])

    monkeypatch.setattr(gathering, "aligned_faces", align)
    with caplog.at_level(logging.WARNING):
        found = drawn(load_dataset("folder", tmp_path), Counts((12, 12), (2, 0), (6, 6)))
    contents = {image[0, 0].tobytes() for image in found.images}
    assert len(contents) == len(found.images)
    assert bytes((4, 1, 0)) not in contents
    assert "12 photographs are copies" in caplog.text
    assert "2 photographs are under two people or more" in caplog.text
