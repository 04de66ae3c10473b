from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from experiments import gallery
from resgn.faces.orl import load_orl
from resgn.generator import GeneratorConfig, residual_generator
from resgn.saved_generator import save_generator
from tests.experiments.command import result
from weights.errors import InputError


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """A ResGN that changes nothing, from a target called dlib with threshold 0.3."""
    config = GeneratorConfig(blocks=1, maps=8, in_kernel=3, out_kernel=3, scale=2, image_skip=True)
    path = tmp_path / "identity.h5"
    save_generator(residual_generator(config), config, path, {"target": "dlib", "threshold": 0.3})
    return path


def photograph(index: int, folder: Path) -> Path:
    path = folder / f"{index}.png"
    cv2.imwrite(str(path), load_orl().image(index))
    return path


def test_examples_of_the_test_set(in_process, identity: Path, tmp_path: Path) -> None:
    folder = in_process(gallery, f"--weights={identity}", "--examples=2", output=tmp_path / "run")
    rows = {row["name"]: row for row in result(folder)["rows"]}
    of_all = [f"{kind}, median of 6" for kind in ("dodging", "impersonation")]
    pairs = ["dodging 1", "dodging 2", "impersonation 1", "impersonation 2"]
    assert list(rows) == [*pairs, *of_all]
    for name in of_all:
        row = rows.pop(name)
        moved = row["adversarial"]["value"] - row["probe"]["value"]
        assert (moved > 0) == name.startswith("dodging")
        assert row["cleaned"]["value"] == pytest.approx(row["adversarial"]["value"], abs=1e-4)
        assert row["probe"]["low"] <= row["probe"]["value"] <= row["probe"]["high"]
        assert row["probe"]["count"] == 6
        # The pairs shown lie within what all of them span.
        assert row["threshold"]["value"] == rows["dodging 1"]["threshold"]["value"]
    for name, row in rows.items():
        threshold = row["threshold"]["value"]
        # The pairs are verified correctly before the attack, which moves them towards the error.
        assert (row["probe"]["value"] < threshold) == name.startswith("dodging")
        moved = row["adversarial"]["value"] - row["probe"]["value"]
        assert (moved > 0) == name.startswith("dodging")
        # The cleaner is the identity.
        assert row["cleaned"]["value"] == pytest.approx(row["adversarial"]["value"], abs=1e-4)
        stem = name.replace(" ", "_")
        attacked = cv2.imread(str(folder / "images" / f"{stem}_adversarial.png")).astype(int)
        probe = cv2.imread(str(folder / "images" / f"{stem}_probe.png")).astype(int)
        assert np.abs(attacked - probe).max() == 7
    assert (folder / "gallery.png").stat().st_size > 10_000
    notes = result(folder)["table"]["notes"]
    assert "eps 0.03 (7 grey levels)" in notes
    assert "The ResGN has weights trained elsewhere, whose people may be among those" in notes


def test_own_photographs(in_process, identity: Path, tmp_path: Path) -> None:
    probe, reference = photograph(0, tmp_path), photograph(1, tmp_path)
    flags = [f"--probe={probe}", f"--reference={reference}", f"--weights={identity}"]
    folder = in_process(gallery, *flags, output=tmp_path / "run")
    (row,) = result(folder)["rows"]
    threshold = row["threshold"]["value"]
    assert threshold != pytest.approx(0.3)  # of another network called dlib
    assert row["name"] == ("dodging" if row["probe"]["value"] < threshold else "impersonation")
    assert "trained elsewhere" not in result(folder)["table"]["notes"]
    assert cv2.imread(str(folder / "images" / f"{row['name']}_probe.png")).shape == (160, 160, 3)


@pytest.mark.parametrize(
    ("about", "told", "expected"),
    [
        ({"threshold": 0.3}, None, 0.3),
        ({"threshold": 0.3}, "trained for another", 0.5),
        ({"threshold": 0.3, "sigma": 0.25}, None, 0.5),
        ({}, None, 0.5),
    ],
)
def test_whose_threshold_decides(
    about: dict[str, float], told: str | None, expected: float
) -> None:
    saved = SimpleNamespace(about={"target": "dlib", **about}, told_of=lambda _: told)
    experiment = SimpleNamespace(
        target=SimpleNamespace(name="dlib"), legitimate=SimpleNamespace(threshold=0.5)
    )
    assert gallery.threshold_of(saved, experiment) == expected


def test_a_network_that_began_with_another_one_says_so(
    in_process, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = in_process(gallery, "--examples=1", output=tmp_path / "first")
    assert "trained elsewhere" not in result(first)["table"]["notes"]
    file = first / "cleaners" / "joint.h5"
    for name in ("second", "third"):
        flags = ("--examples=1", f"--start_from={file}")
        folder = in_process(gallery, *flags, output=tmp_path / name)
        notes = result(folder)["table"]["notes"]
        assert "The ResGN began with weights trained elsewhere" in notes
    said = [
        text for text in caplog.messages if "joint.h5 was trained elsewhere: its people" in text
    ]
    assert len(said) == 1


def test_one_of_two_photographs(in_process, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="belong together"):
        in_process(gallery, f"--probe={photograph(0, tmp_path)}", output=tmp_path / "run")


@pytest.mark.parametrize("content", ["nothing", "no face"])
def test_photograph_that_shows_no_face(
    in_process, identity: Path, content: str, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    if content == "nothing":
        bad.write_bytes(b"not an image")
    else:
        cv2.imwrite(str(bad), np.full((120, 100, 3), 128, np.uint8))
    message = "is not an image that can be read" if content == "nothing" else "no face was found"
    flags = [f"--probe={bad}", f"--reference={photograph(0, tmp_path)}", f"--weights={identity}"]
    with pytest.raises(InputError, match=message):
        in_process(gallery, *flags, output=tmp_path / "run")


def test_more_examples_than_pairs(in_process, identity: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--examples=7: there are 6 test pairs"):
        in_process(gallery, f"--weights={identity}", "--examples=7", output=tmp_path / "run")
