"""The Basel Face Models of 2017 and 2019."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from mofa import face_model_files
from weights.errors import InputError


def test_bfm_2017_layout_in_float32_with_more_modes_and_an_expression_mean(shell, tmp_path):
    """As Basel makes it: 199 and 100 modes, landmarks by place, text as an array of bytes."""
    rng = np.random.default_rng(0)
    count = len(shell.mean_shape)
    path = tmp_path / "model2017.h5"
    basis = rng.normal(size=(3 * count, 199)).astype(np.float32)
    lift = np.tile([0.0, 0.0, 1.5], count)
    with h5py.File(path, "w") as file:
        for name, mean, number in (
            ("shape", shell.mean_shape.reshape(-1), 199),
            ("expression", lift, 100),
            ("color", shell.mean_albedo.reshape(-1), 199),
        ):
            file[f"{name}/model/mean"] = mean
            file[f"{name}/model/pcaBasis"] = basis[:, :number]
            file[f"{name}/model/pcaVariance"] = np.arange(number, 0.0, -1.0) ** 2
            file[f"{name}/representer/cells"] = shell.triangles.T
        place = (shell.mean_shape[17] + [0.1, -0.1, 1.4]).tolist()
        text = json.dumps([{"id": "center.nose.tip", "coordinates": place}])
        file["metadata/landmarks/json"] = np.array([text.encode()])
    model = face_model_files.read(path)
    np.testing.assert_allclose(
        model.mean_shape, shell.mean_shape + np.array([0, 0, 1.5]), atol=1e-4
    )
    assert model.identity.basis.shape == (3 * count, 80)
    np.testing.assert_allclose(model.identity.basis, basis[:, :80])
    np.testing.assert_allclose(model.identity.std[:3], [199.0, 198.0, 197.0])
    np.testing.assert_allclose(model.expression.std[:2], [100.0, 99.0])
    assert model.landmarks == {"center.nose.tip": 17}
    with pytest.raises(InputError, match=r"no landmark 'jaw.1' \(68 of 68 are missing\)"):
        model.landmark_vertices()
