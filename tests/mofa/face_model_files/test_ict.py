"""ICT-FaceKit's folder."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mofa import face_model_files
from weights.errors import InputError


def write_obj(path, vertices, faces):
    lines = [f"v {x} {y} {z}" for x, y, z in vertices]
    lines += ["f " + " ".join(f"{corner + 1}/1/1" for corner in face) for face in faces]
    path.write_text("# a comment\n" + "\n".join(lines) + "\n")


@pytest.fixture
def ict(tmp_path):
    """A box of eight corners and six quads, in centimetres, with two identities and a smile."""
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    write_obj(folder / "generic_neutral_mesh.obj", corners, quads)
    write_obj(folder / "identity000.obj", corners * [1.5, 1, 1], quads)
    write_obj(folder / "identity001.obj", corners * [1, 1.2, 1], quads)
    write_obj(folder / "mouthSmile_L.obj", corners + np.array([0, 0, 0.3]), quads)
    (folder / "vertex_indices.json").write_text(
        json.dumps({"other": [1, 2], "idx_to_landmark_verts": [k % 8 for k in range(68)]})
    )
    return folder


def test_ict_facekit(ict):
    model = face_model_files.read(ict)
    assert model.mean_shape.shape == (8, 3)
    assert np.abs(model.mean_shape).max() == 10.0  # centimetres to millimetres
    assert len(model.triangles) == 12
    corners = model.mean_shape[model.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.sum(normal * corners.mean(axis=1), axis=1) > 0).all()
    # Eight corners move by 5 mm in x: sqrt(8 * 25); and by 2 mm in y: sqrt(8 * 4).
    np.testing.assert_allclose(
        model.identity.std[:3], [np.sqrt(200.0), np.sqrt(32.0), 0.0], atol=1e-4
    )
    np.testing.assert_allclose(model.expression.std[0], np.sqrt(8.0), atol=1e-4)  # 3 mm / 3
    assert list(model.landmark_vertices()[:9]) == [0, 1, 2, 3, 4, 5, 6, 7, 0]


def test_ict_facekit_of_another_size_is_refused(ict):
    write_obj(ict / "identity001.obj", np.zeros((7, 3)), [])
    with pytest.raises(InputError, match=r"identity001.obj has 7 vertices.*has 8"):
        face_model_files.read(ict)


def test_folder_without_a_model(tmp_path):
    with pytest.raises(InputError, match=r"no generic_neutral_mesh.obj"):
        face_model_files.read(tmp_path)
