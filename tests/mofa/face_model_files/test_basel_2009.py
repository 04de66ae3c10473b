"""The Basel Face Model of 2009, and the expressions made for it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from mofa import face_model_files
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


def test_bfm_2009_with_expressions_is_cut_down(shell, tmp_path):
    path = write_bfm_2009(shell, tmp_path)
    count = len(shell.mean_shape)
    rng = np.random.default_rng(1)
    trim = np.arange(2, count)  # the expression model lacks the first two vertices
    front = np.arange(len(trim) - 3)  # and the front part the last three
    kept = trim[front]
    exp = rng.normal(size=(79, 3 * len(trim))).astype(np.float32)
    std = np.linspace(5.0, 1.0, 79)
    with (tmp_path / "Exp_Pca.bin").open("wb") as file:
        file.write(np.int32(79).tobytes())
        file.write(np.zeros(3 * len(trim), np.float32).tobytes())
        file.write(exp.tobytes())
    np.savetxt(tmp_path / "std_exp.txt", std[None])
    scipy.io.savemat(tmp_path / "BFM_exp_idx.mat", {"trimIndex": trim[:, None] + 1})
    scipy.io.savemat(tmp_path / "BFM_front_idx.mat", {"idx": front[:, None] + 1})
    model = face_model_files.read(path, require_landmarks=False)
    np.testing.assert_allclose(model.mean_shape, shell.mean_shape[kept], atol=1e-4)
    # Same distribution as std * direction over the kept rows: compare covariances.
    rows = (3 * front[:, None] + np.arange(3)).reshape(-1)
    directions = exp[:64, rows].T * std[:64] / 1000.0
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
