from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mofa import celeba
from weights.errors import InputError


def test_landmarks_and_partition_as_they_are_published(tmp_path: Path) -> None:
    path = tmp_path / celeba.LANDMARKS
    path.write_text(
        "2\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y "
        "rightmouth_x rightmouth_y\n"
        "000001.jpg 69  109  106  113   77  142   73  152  108  154\n"
        "000002.jpg 69  110  107  112   81  135   70  151  108  153\n"
    )
    found = celeba.read_landmarks(path)
    assert list(found) == ["000001.jpg", "000002.jpg"]
    expected = [(69, 109), (106, 113), (77, 142), (73, 152), (108, 154)]
    np.testing.assert_array_equal(found["000001.jpg"], expected)

    path = tmp_path / celeba.PARTITION
    path.write_text("000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n")
    assert celeba.read_partition(path) == {
        "000001.jpg": "train",
        "000002.jpg": "validation",
        "000003.jpg": "test",
    }


def test_lists_as_others_save_them(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("image_id,partition\r\n000001.jpg,2\r\n000001.jpg,2\r\n".encode("utf-16"))
    assert celeba.read_partition(path) == {"000001.jpg": "test"}
    path.write_text("image_id,a,b,c,d,e,f,g,h,i,j\n000001.jpg,0,1,2,3,4,5,6,7,8,9\n")
    assert celeba.read_landmarks(path)["000001.jpg"].tolist() == [
        [0, 1],
        [2, 3],
        [4, 5],
        [6, 7],
        [8, 9],
    ]


@pytest.mark.parametrize(
    ("read", "lines"),
    [
        (celeba.read_partition, ("000001.jpg 0", "000001.jpg 2")),
        (celeba.read_landmarks, ("a.jpg 1 2 3 4 5 6 7 8 9 10", "a.jpg 1 2 3 4 5 6 7 8 9 11")),
    ],
)
def test_lists_that_contradict_themselves(tmp_path: Path, read, lines: tuple[str, str]) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="contradicts itself: line 2 says something else"):
        read(path)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (celeba.read_landmarks, "1\nnames\n000001.jpg 1 2 3\n", "line 3: expected a file and ten"),
        (celeba.read_landmarks, "1\nnames\na.jpg 1 2 3 4 5 6 7 8 9 x\n", "line 3"),
        (celeba.read_partition, "000001.jpg 3\n", "line 1: expected a file and 0, 1 or 2"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, read, text: str, message: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read(path)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        celeba.read_landmarks(tmp_path / "none.txt")
