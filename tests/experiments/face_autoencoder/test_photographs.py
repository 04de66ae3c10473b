from __future__ import annotations

import shutil
import types
from pathlib import Path

import numpy as np
import pytest

from experiments.face_autoencoder import photographs as module
from experiments.face_autoencoder.photographs import Source, load_photographs
from experiments.face_autoencoder.pictures import JoinedPictures, chunks
from mofa.photographs import Photographs
from resgn.faces.dataset import FaceDataset
from resgn.faces.image_file import write_image
from resgn.faces.template import FACE_TEMPLATE
from weights.errors import InputError

PEOPLE, EACH, SIZE = 22, 3, 32
RENDERER = types.SimpleNamespace(camera=types.SimpleNamespace(image_size=(SIZE, SIZE)))


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every photograph's points lie in the same places, which are also those of the crop."""
    template = 0.2 * FACE_TEMPLATE
    monkeypatch.setattr(module, "crop_template", lambda renderer: template)

    def landmarks(dataset: FaceDataset, rows: np.ndarray, cache_dir: object) -> np.ndarray:
        return np.repeat(template[None], len(rows), 0).astype(np.float32)

    monkeypatch.setattr(module, "dataset_landmarks", landmarks)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """People whose pictures say who they are."""
    for person in range(PEOPLE):
        for number in range(EACH):
            image = np.full((SIZE, SIZE, 3), (person, number, 200), np.uint8)
            write_image(tmp_path / "people" / f"p{person:02d}" / f"{number}.png", image)
    return tmp_path / "people"


def whose(pictures: Photographs) -> set[int]:
    return set(pictures.images[:, 9, 9, 0].tolist())


def load(source: Source, *parts: str, whole: bool = False) -> module.Split:
    return load_photographs(source, RENDERER, SIZE, parts, whole=whole)


def test_people_that_may_have_been_trained_on_stay_aside(folder: Path) -> None:
    split = load(Source("folder", str(folder)), "train", "validation", "test")
    people = [whose(getattr(split, part).part(slice(None))) for part in module.FRACTIONS]
    assert [len(each) for each in people] == [16, 3, 3]
    assert set.union(*people) == set(range(PEOPLE))


def test_new_people_are_all_measured_on_or_calibrate(folder: Path) -> None:
    split = load(Source("folder", str(folder), new_people=True), "validation", "test")
    people = [whose(getattr(split, part).part(slice(None))) for part in ("validation", "test")]
    assert [len(each) for each in people] == [7, 15]
    assert set.union(*people) == set(range(PEOPLE))
    with pytest.raises(InputError, match=r"`new_people` says that nobody .* is trained on"):
        load(Source("folder", str(folder), new_people=True), "train")


def test_new_people_are_used_whole_where_there_is_no_threshold(folder: Path) -> None:
    source, parts = Source("folder", str(folder), new_people=True), ("validation", "test")
    split = load(source, *parts, whole=True)
    assert (len(split.validation), len(split.test)) == (0, PEOPLE * EACH)
    # People who may have been trained on stay aside all the same.
    assert len(load(Source("folder", str(folder)), "test", whole=True).test) == 9


def test_three_new_people_are_all_in_the_test(folder: Path) -> None:
    for person in range(3, PEOPLE):
        shutil.rmtree(folder / f"p{person:02d}")
    split = load(Source("folder", str(folder), new_people=True), "validation", "test")
    assert (len(split.validation), len(split.test)) == (0, 3 * EACH)


def test_photographs_are_read_when_they_are_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    read = module.read_image

    def reading(path: Path) -> np.ndarray:
        seen.append(path)
        return read(path)

    monkeypatch.setattr(module, "read_image", reading)
    test = load(Source("folder", str(folder)), "test").test
    assert (len(test), len(seen)) == (9, 0)
    chosen = test.part([4, 0])
    assert len(seen) == 2
    np.testing.assert_array_equal(chosen.people, test.people[[4, 0]])
    assert (chosen.images[:, 9, 9, 1] == [1, 0]).all()


def test_damaged_photographs_are_named_together(folder: Path) -> None:
    for person in range(PEOPLE):
        (folder / f"p{person:02d}" / "1.png").write_bytes(b"damaged %d" % person)
    test = load(Source("folder", str(folder)), "test").test
    with pytest.raises(InputError, match=r"3 of 9 photographs cannot be read: .*`skip_damaged`"):
        test.part(slice(None))


def test_no_face_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(dataset: FaceDataset, rows: np.ndarray, cache_dir: object) -> np.ndarray:
        return np.full([len(rows), 5, 2], np.nan, np.float32)

    monkeypatch.setattr(module, "dataset_landmarks", nothing)
    with pytest.raises(InputError, match="No face was found in any of the 9 photographs"):
        load(Source("folder", str(folder)), "test")


def test_minimum_of_images(folder: Path) -> None:
    test = load(Source("folder", str(folder)), "test").test
    assert len(test.with_images(EACH)) == 9
    assert len(test.with_images(EACH + 1)) == 0


@pytest.fixture
def celeba(folder: Path) -> Path:
    """As it is published: PNG files, lists that say .jpg."""
    root = folder.parent / "celeba"
    images = root / "Img" / "img_align_celeba_png"
    lines: dict[str, list[str]] = {"identity": [], "landmarks": [], "partition": []}
    points = " ".join(f"{number:.0f}" for number in (0.2 * FACE_TEMPLATE).ravel())
    for number in range(12):
        image = np.full((SIZE, SIZE, 3), (number, 0, 0), np.uint8)
        write_image(images / f"{number:06d}.png", image)
        lines["identity"].append(f"{number:06d}.jpg {number}")
        lines["landmarks"].append(f"{number:06d}.jpg {points}")
        lines["partition"].append(f"{number:06d}.jpg {number % 3}")
    for name, kind in (
        ("Anno/identity_CelebA.txt", "identity"),
        ("Anno/list_landmarks_align_celeba.txt", "landmarks"),
        ("Eval/list_eval_partition.txt", "partition"),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("\n".join(lines[kind]))
    return root


def test_celebas_lists_where_they_are_published(
    celeba: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "dataset_landmarks", None)  # CelebA's own are taken
    split = load(Source("celeba", str(celeba)), "train", "validation", "test")
    for number, part in enumerate(module.FRACTIONS):
        assert whose(getattr(split, part).part(slice(None))) == set(range(number, 12, 3))
    new = load(Source("celeba", str(celeba), new_people=True), "validation", "test")
    assert len(new.validation) + len(new.test) == 12


def test_damaged_photographs_with_known_landmarks_are_left_out(
    celeba: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (celeba / "Img" / "img_align_celeba_png" / "000003.png").write_bytes(b"damaged")
    split = load(Source("celeba", str(celeba), skip_damaged=True), "train")
    assert whose(split.train.part(slice(None))) == {0, 6, 9}
    assert "1 of 4 photographs cannot be read and are left out" in caplog.text


def some(count: int, level: int) -> Photographs:
    rng = np.random.default_rng(level)
    levels = (level + np.arange(count)).astype(np.uint8)
    return Photographs(
        np.tile(levels[:, None, None, None], (1, 4, 4, 3)),
        rng.normal(size=(count, 5, 2)).astype(np.float32),
        (np.arange(count) // 2).astype(np.int32),
    )


def test_joined_pictures_are_those_of_photographs_joined() -> None:
    parts = [some(5, 0), some(0, 50), some(4, 100)]
    joined, expected = JoinedPictures(parts), Photographs.joined(parts)
    assert len(joined) == 9
    np.testing.assert_array_equal(joined.people, expected.people)
    for rows in (slice(None), [8, 0, 5, 4], np.array([6, 7]), slice(2, 2), np.arange(9) > 3):
        found, wanted = joined.part(rows), expected.part(rows)
        np.testing.assert_array_equal(found.images, wanted.images)
        np.testing.assert_array_equal(found.landmarks, wanted.landmarks)
        np.testing.assert_array_equal(found.people, wanted.people)


def test_chunks_are_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.face_autoencoder import pictures

    monkeypatch.setattr(pictures, "CHUNK", 4)
    found = list(chunks(some(9, 3)))
    assert [len(each) for each in found] == [4, 4, 1]
    np.testing.assert_array_equal(
        np.concatenate([each.images for each in found]), some(9, 3).images
    )
