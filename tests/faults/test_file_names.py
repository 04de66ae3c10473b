"""File names that break what is careless with them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.clean import clean_files, files_to_clean
from experiments.running.stored_results import without_paths
from resgn.faces.folder import load_folder
from resgn.faces.image_files import images_below

NAMES = (
    "two words.png",
    "a'quote.png",
    'double"quote.png',
    "new\nline.png",
    "comma,semicolon;.png",
    "-rf.png",
    "--force=1.png",
    "$(touch x).png",
    "Grüße, 顔 😀.png",
    "percent%s%d.png",
    "..png",
    "UPPER.PNG",
    "x" * 200 + ".png",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "in put"
    source.mkdir()
    for name in NAMES:
        Image.fromarray(np.full((20, 24, 3), 100, np.uint8)).save(source / name, "PNG")
    return source


def seen() -> set[str]:
    """Names that begin with a dot are hidden, as everywhere."""
    return {name for name in NAMES if not name.startswith(".")}


def test_clean_mirrors_them(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    failed = clean_files(files_to_clean(folder, out, force=False), lambda images: images)
    assert failed == []
    assert {path.name.lower() for path in out.iterdir()} == {name.lower() for name in seen()}
    assert sorted(os.listdir(tmp_path)) == ["in put", "out"]


def test_what_scan_looks_at(folder: Path) -> None:
    assert {path.name for path in images_below(folder)} == seen()


def test_a_data_set_of_them(folder: Path) -> None:
    for person in ("Jürgen 'J'", "new\nline", "--help"):
        (folder / person).mkdir()
        for name in ("two words.png", "a\nb.png"):
            Image.fromarray(np.full((64, 64, 3), 9, np.uint8)).save(folder / person / name)
    for name in NAMES:
        (folder / name).unlink()
    dataset = load_folder(folder)
    assert len(dataset.files) == 6
    for row in range(6):
        assert dataset.image(row).shape == (64, 64, 3)


def test_commands_with_them_are_kept_without_paths() -> None:
    given = "python -m experiments.clean '/a b/c' --weights='/x y/z.h5' --name='two words'"
    kept = without_paths(given)
    assert "/" not in kept
    assert kept.endswith("--weights=... '--name=two words'")
