from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resgn.faces.celeba import companion
from resgn.faces.image_file import write_image
from resgn.faces.loading import load_dataset
from weights.errors import InputError

LINES = "000003.png 17\n000001.png 2880\n000009.png 5\n\n000002.png 17\n"


def make(
    root: Path,
    lines: str,
    images: str = "img_align_celeba",
    place: str = "identity_CelebA.txt",
    encoding: str = "utf-8",
) -> Path:
    for number in (1, 2, 3):
        image = np.full((20, 20, 3), number, np.uint8)
        write_image(root / images / f"00000{number}.png", image)
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_bytes(lines.encode(encoding))
    return root


def test_lists_what_is_on_disk_and_has_an_identity(tmp_path: Path) -> None:
    dataset = load_dataset("celeba", make(tmp_path, LINES))
    assert dataset.files == ("000001.png", "000002.png", "000003.png")
    assert dataset.names == ("17", "2880")
    assert dataset.people.tolist() == [1, 0, 0]
    assert dataset.image(2)[0, 0].tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("images", "place", "data_dir"),
    [
        ("Img/img_align_celeba", "Anno/identity_CelebA.txt", "."),  # as it is published
        ("Img/img_align_celeba/img_align_celeba", "Anno/identity_CelebA.txt", "."),
        ("img_align_celeba/img_align_celeba", "identity_CelebA.txt", "."),  # Kaggle
        ("celeba/img_align_celeba", "celeba/identity_CelebA.txt", "."),  # torchvision
        ("Img/img_align_celeba", "Anno/identity_CelebA.txt", "Img/img_align_celeba"),
        ("img_align_celeba_png", "identity_CelebA.csv", "."),
    ],
)
def test_layouts(tmp_path: Path, images: str, place: str, data_dir: str) -> None:
    make(tmp_path, LINES, images, place)
    dataset = load_dataset("celeba", tmp_path / data_dir)
    assert dataset.people.tolist() == [1, 0, 0]
    assert dataset.root == tmp_path / images


def test_lists_that_say_jpg_serve_for_png(tmp_path: Path) -> None:
    dataset = load_dataset("celeba", make(tmp_path, LINES.replace("png", "jpg")))
    assert dataset.files == ("000001.png", "000002.png", "000003.png")
    assert dataset.people.tolist() == [1, 0, 0]


def test_companions_lie_beside_and_above(tmp_path: Path) -> None:
    images = tmp_path / "CelebA" / "Img" / "img_align_celeba"
    images.mkdir(parents=True)
    assert companion(images, "list_eval_partition.txt") is None
    for place in ("Eval/list_eval_partition.txt", "Img/list_eval_partition.csv"):
        path = tmp_path / "CelebA" / place
        path.parent.mkdir(exist_ok=True)
        path.touch()
        assert companion(images, "list_eval_partition.txt") == path  # the nearer one


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "change",
    [
        str,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "3\nimage_id identity\n" + text,
        lambda text: "image_id,identity\n" + text.replace(" ", ","),
    ],
)
def test_lists_as_others_save_them(tmp_path: Path, change, encoding: str) -> None:
    make(tmp_path, change(LINES), encoding=encoding)
    assert load_dataset("celeba", tmp_path).people.tolist() == [1, 0, 0]


@pytest.mark.parametrize("line", ["000001.png", "000001.png x", "../000001.png 5", "a b c"])
def test_refuses_a_malformed_list(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match="line 2: expected 'file identity'"):
        load_dataset("celeba", make(tmp_path, f"000001.png 5\n{line}\n"))


def test_lines_that_repeat_others_count_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = load_dataset("celeba", make(tmp_path, LINES + "000001.png 2880\n000002.png 17\n"))
    assert dataset.files == ("000001.png", "000002.png", "000003.png")
    assert "2 lines repeat others, and count once" in caplog.text


def test_refuses_a_list_that_contradicts_itself(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"line 1 says that 000003\.png shows person 17, line 6 that it shows"
    ):
        load_dataset("celeba", make(tmp_path, LINES + "000003.png 2880\n"))


def test_refuses_two_images_of_one_name(tmp_path: Path) -> None:
    make(tmp_path, LINES)
    write_image(tmp_path / "img_align_celeba" / "000001.jpg", np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(InputError, match=r"holds 000001\.jpg and 000001\.png; which"):
        load_dataset("celeba", tmp_path)


def test_images_without_identity_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(load_dataset("celeba", make(tmp_path, "000001.png 5\n"))) == 1
    assert "2 of 3 images are not in identity_CelebA.txt, and are left out" in caplog.text


def test_refuses_another_layout(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    with pytest.raises(InputError, match=r"is not CelebA: found photographs/"):
        load_dataset("celeba", tmp_path)


def test_says_what_is_to_be_unpacked(tmp_path: Path) -> None:
    for name in ("Anno/identity_CelebA.txt", "Img/img_align_celeba.zip"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"unpack Img/img_align_celeba\.zip where it lies"):
        load_dataset("celeba", tmp_path)


def test_refuses_images_without_a_list(tmp_path: Path) -> None:
    (make(tmp_path, LINES) / "identity_CelebA.txt").unlink()
    with pytest.raises(InputError, match=r"is not CelebA: there is no identity_CelebA\.txt"):
        load_dataset("celeba", tmp_path)


def test_refuses_a_list_of_absent_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds none of the images"):
        load_dataset("celeba", make(tmp_path, "000009.png 5\n"))
