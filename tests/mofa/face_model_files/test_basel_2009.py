"""The Basel Face Model of 2009, and the expressions made for it."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import scipy.io

from mofa import face_model_files
from mofa.landmarks import LEAST
from weights.errors import InputError


def write_bfm_2009(shell, folder, inward=True):
    count = len(shell.mean_shape)
    order = shell.triangles[:, ::-1] if inward else shell.triangles
    content = {
        "shapeMU": shell.mean_shape.reshape(-1, 1) * 1000.0,
        "shapePC": shell.identity.basis,
        "shapeEV": shell.identity.std[:, None] * 1000.0,
        "texMU": shell.mean_albedo.reshape(-1, 1) * 255.0,
        "texPC": shell.albedo.basis,
        "texEV": shell.albedo.std[:, None] * 255.0,
        "tl": order + 1,
    }
    assert content["shapePC"].shape == (3 * count, 80)
    scipy.io.savemat(folder / "01_MorphableModel.mat", content)
    return folder / "01_MorphableModel.mat"


def test_bfm_2009_units_and_winding(shell, tmp_path):
    path = write_bfm_2009(shell, tmp_path)
    model = face_model_files.read(path, require_landmarks=False)
    np.testing.assert_allclose(model.mean_shape, shell.mean_shape, atol=1e-4)
    np.testing.assert_allclose(model.mean_albedo, shell.mean_albedo, atol=1e-6)
    np.testing.assert_allclose(model.identity.std, shell.identity.std, rtol=1e-5)
    np.testing.assert_allclose(model.albedo.std, shell.albedo.std, rtol=1e-5)
    np.testing.assert_array_equal(model.triangles, shell.triangles)
    assert not model.expression.std.any()


def write_expressions(shell, folder):
    """Files for all but the first two and the last three vertices: what is kept, and directions."""
    count = len(shell.mean_shape)
    rng = np.random.default_rng(1)
    trim = np.arange(2, count)  # the expression model lacks the first two vertices
    front = np.arange(len(trim) - 3)  # and the front part the last three
    kept = trim[front]
    exp = rng.normal(size=(79, 3 * len(trim))).astype(np.float32)
    std = np.linspace(5.0, 1.0, 79)
    with (folder / "Exp_Pca.bin").open("wb") as file:
        file.write(np.int32(79).tobytes())
        file.write(np.zeros(3 * len(trim), np.float32).tobytes())
        file.write(exp.tobytes())
    np.savetxt(folder / "std_exp.txt", std[None])
    scipy.io.savemat(folder / "BFM_exp_idx.mat", {"trimIndex": trim[:, None] + 1})
    scipy.io.savemat(folder / "BFM_front_idx.mat", {"idx": front[:, None] + 1})
    rows = (3 * front[:, None] + np.arange(3)).reshape(-1)
    return kept, exp[:64, rows].T * std[:64] / 1000.0


def test_bfm_2009_with_expressions_is_cut_down(shell, tmp_path):
    path = write_bfm_2009(shell, tmp_path)
    kept, directions = write_expressions(shell, tmp_path)
    model = face_model_files.read(path, require_landmarks=False)
    np.testing.assert_allclose(model.mean_shape, shell.mean_shape[kept], atol=1e-4)
    # Same distribution as std * direction over the kept rows: compare covariances.
    scaled = model.expression.scaled()
    np.testing.assert_allclose(scaled @ scaled.T, directions @ directions.T, atol=1e-4)
    gram = model.expression.basis.T @ model.expression.basis
    np.testing.assert_allclose(gram, np.eye(64), atol=1e-4)
    # Triangles that lost a corner are gone, the others name the same points.
    expected = {
        tuple(map(tuple, np.round(shell.mean_shape[t], 2)))
        for t in shell.triangles
        if set(t) <= set(kept)
    }
    got = {tuple(map(tuple, np.round(model.mean_shape[t], 2))) for t in model.triangles}
    assert got == expected
    # A file cut short is refused.
    whole = (tmp_path / "Exp_Pca.bin").read_bytes()
    (tmp_path / "Exp_Pca.bin").write_bytes(whole[:-100])
    with pytest.raises(InputError, match="does not fit 79 modes"):
        face_model_files.read(path, require_landmarks=False)


def test_a_code_means_the_same_face_with_and_without_expressions(shell, tmp_path):
    path = write_bfm_2009(shell, tmp_path)
    plain = face_model_files.read(path, require_landmarks=False)
    kept, _ = write_expressions(shell, tmp_path)
    moving = face_model_files.read(path, require_landmarks=False)
    rng = np.random.default_rng(3)
    code, still = rng.normal(size=(4, 80)).astype(np.float32), np.zeros((4, 64), np.float32)
    np.testing.assert_allclose(
        moving.shape(code, still), plain.shape(code, still).numpy()[:, kept], atol=1e-4
    )
    np.testing.assert_allclose(moving.colour(code), plain.colour(code).numpy()[:, kept], atol=1e-6)
    # So do the numbers that weigh Eq. 1.
    np.testing.assert_array_equal(moving.identity.std, plain.identity.std)
    np.testing.assert_array_equal(moving.albedo.std, plain.albedo.std)


def test_landmarks_are_numbers_of_the_whole_mesh(shell, tmp_path):
    path = write_bfm_2009(shell, tmp_path)
    given = tmp_path / "mine.json"
    given.write_text(json.dumps({name: 40 + k for k, name in enumerate(LEAST)} | {"jaw.1": 0}))
    before = face_model_files.read(path, given)
    write_expressions(shell, tmp_path)
    after = face_model_files.read(path, given)
    assert "jaw.1" in before.landmarks
    assert "jaw.1" not in after.landmarks  # vertex 0 is cut away
    for name in LEAST:
        np.testing.assert_allclose(
            after.mean_shape[after.landmarks[name]], before.mean_shape[before.landmarks[name]]
        )


@pytest.mark.parametrize("missing", ["BFM_exp_idx.mat", "std_exp.txt"])
def test_what_belongs_to_the_expressions_is_named(shell, tmp_path, missing):
    path = write_bfm_2009(shell, tmp_path)
    write_expressions(shell, tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=f"needs {missing} beside it.*without expressions"):
        face_model_files.read(path, require_landmarks=False)
    (tmp_path / "Exp_Pca.bin").unlink()
    assert not face_model_files.read(path, require_landmarks=False).expression.std.any()


@pytest.mark.parametrize("form", ["transposed", "counted from 0", "floats", "7.3", "colours"])
def test_bfm_2009_in_other_forms(shell, tmp_path, form):
    path = write_bfm_2009(shell, tmp_path)
    content = {k: v for k, v in scipy.io.loadmat(path).items() if not k.startswith("__")}
    if form == "transposed":
        content = {name: value.T for name, value in content.items()}
    elif form == "counted from 0":
        content["tl"] = content["tl"] - 1
    elif form == "floats":
        content["tl"] = content["tl"].astype(np.float64)
    elif form == "colours":
        content |= {"texMU": content["texMU"] / 255.0, "texEV": content["texEV"] / 255.0}
    if form == "7.3":
        path.unlink()
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, value in content.items():
                file[name] = value.T
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + bytes([0, 2]) + b"IM")
    else:
        scipy.io.savemat(path, content)
    model = face_model_files.read(path, require_landmarks=False)
    np.testing.assert_allclose(model.mean_shape, shell.mean_shape, atol=1e-4)
    np.testing.assert_allclose(model.mean_albedo, shell.mean_albedo, atol=1e-6)
    np.testing.assert_allclose(model.identity.basis, shell.identity.basis, atol=1e-6)
    np.testing.assert_allclose(model.albedo.std, shell.albedo.std, rtol=1e-5)
    np.testing.assert_array_equal(model.triangles, shell.triangles)
