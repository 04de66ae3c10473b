from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resgn.faces.image_file import write_image
from resgn.faces.loading import load_dataset
from weights.errors import InputError


def make(root: Path, lines: str) -> Path:
    for number in (1, 2, 3):
        image = np.full((20, 20, 3), number, np.uint8)
        write_image(root / "img_align_celeba" / f"00000{number}.png", image)
    (root / "identity_CelebA.txt").write_text(lines)
    return root


def test_lists_what_is_on_disk_and_has_an_identity(tmp_path: Path) -> None:
    lines = "000003.png 17\n000001.png 2880\n000009.png 5\n\n000002.png 17\n"
    dataset = load_dataset("celeba", make(tmp_path, lines))
    assert dataset.files == ("000001.png", "000002.png", "000003.png")
    assert dataset.names == ("17", "2880")
    assert dataset.people.tolist() == [1, 0, 0]
    assert dataset.image(2)[0, 0].tolist() == [3, 3, 3]


@pytest.mark.parametrize("line", ["000001.png", "000001.png x", "../000001.png 5", "a b c"])
def test_refuses_a_malformed_list(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match="line 2: expected 'file identity'"):
        load_dataset("celeba", make(tmp_path, f"000001.png 5\n{line}\n"))


def test_refuses_another_layout(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    with pytest.raises(InputError, match=r"is not CelebA: found photographs/"):
        load_dataset("celeba", tmp_path)


def test_refuses_a_list_of_absent_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds none of the images"):
        load_dataset("celeba", make(tmp_path, "000009.png 5\n"))
