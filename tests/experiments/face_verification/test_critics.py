"""ResGN trained against several verification critics at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import table1
from resgn.faces.crops import FIVE_POINTS
from resgn.saved_generator import load_generator
from weights.errors import InputError

ROW = "pixel+verification"
"""All that the joint loss has without a texture critic."""


def weights_of(folder: Path) -> np.ndarray:
    model = load_generator(folder / "cleaners" / f"{ROW}.h5").model
    return np.concatenate([np.ravel(array) for array in model.get_weights()])


def test_a_table_for_several_critics(in_process, two_toys: None, tmp_path: Path) -> None:
    def table(name: str, *flags: str) -> Path:
        return in_process(table1, f"--rows={ROW}", *flags, output=tmp_path / name)

    alone = table("alone")
    assert "critics" not in json.loads((alone / "flags.json").read_text())
    named = table("named", "--critics=dlib")
    assert not (named / "training").exists()  # the same training, from the cache
    both = table("both", "--critics=facenet,dlib")
    assert (both / "training").exists()
    assert json.loads((both / "flags.json").read_text())["critics"] == ["facenet", "dlib"]
    assert "mean over dlib and facenet" in (both / "table1.md").read_text()
    about = load_generator(both / "cleaners" / f"{ROW}.h5").about
    assert (about["target"], about["further_critics"]) == ("dlib", "facenet")
    assert about["crop"] == FIVE_POINTS
    np.testing.assert_array_equal(weights_of(named), weights_of(alone))
    assert np.abs(weights_of(both) - weights_of(alone)).max() > 1e-4
    again = table("again", "--critics=dlib,facenet")
    assert not (again / "training").exists()  # their order does not matter


@pytest.mark.parametrize(
    ("critics", "message"),
    [
        ("facenet", "`critics` names facenet; name each once, the target, dlib, among them"),
        ("dlib,nobody", "Unknown target 'nobody'"),
    ],
)
def test_critics_that_cannot_be(
    in_process, two_toys: None, critics: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        in_process(table1, f"--rows={ROW}", f"--critics={critics}", output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
