"""Small data sets on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

LFW_FILES = {"Ann_Lee": 3, "Bob_Ray": 2, "Cy_Oz": 1, "Di_Wu": 2}
"""People and how many images of each the toy LFW has."""


@pytest.fixture
def toy_lfw(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a toy LFW, its images of one colour each, in the sub-folder it is given."""

    def make(folder: str = "lfw-deepfunneled") -> Path:
        for person, count in LFW_FILES.items():
            for number in range(1, count + 1):
                file = tmp_path / "data" / folder / person / f"{person}_{number:04d}.jpg"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (20, 20), (number * 20, 0, 0)).save(file)
        return tmp_path / "data"

    return make


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def write_image_file() -> Callable[[Path, np.ndarray], Path]:
    def write(path: Path, image: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        return path

    return write
