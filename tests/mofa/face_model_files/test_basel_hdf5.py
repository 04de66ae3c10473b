"""The Basel Face Models of 2017 and 2019, as Basel makes them and as others have changed them."""

from __future__ import annotations

import json
import logging

import h5py
import numpy as np
import pytest

from mofa import face_model_files, landmarks
from mofa.face_model_files.basel_landmarks import BASEL
from tests.mofa.face_model_files.basel_files import STORES, as_list, basel_names, write_hdf5
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
    model = face_model_files.read(path, require_landmarks=False)
    np.testing.assert_allclose(
        model.mean_shape, shell.mean_shape + np.array([0, 0, 1.5]), atol=1e-4
    )
    assert model.identity.basis.shape == (3 * count, 80)
    np.testing.assert_allclose(model.identity.basis, basis[:, :80])
    np.testing.assert_allclose(model.identity.std[:3], [199.0, 198.0, 197.0])
    np.testing.assert_allclose(model.expression.std[:2], [100.0, 99.0])
    assert model.landmarks == {"center.nose.tip": 17, "nose_bridge.4": 17}
    with pytest.raises(
        InputError, match=r"no landmark right_eye\.1, .*outer_lip\.7 \(6 of the 7 that"
    ):
        face_model_files.read(path)


@pytest.mark.parametrize("form", STORES)
def test_a_list_of_landmarks_in_any_form(shell, tmp_path, form):
    named = basel_names(shell)
    path = write_hdf5(shell, tmp_path / "bfm.h5", as_list(shell, named), STORES[form])
    model = face_model_files.read(path)
    assert {name: model.landmarks[name] for name in named} == named
    ours = {own: named[name] for name, own in BASEL.items()}
    assert {name: model.landmarks[name] for name in ours} == ours
    assert set(model.landmarks) == set(named) | set(ours)
    assert model.has_five_landmarks()


def test_basels_names_are_the_places_that_they_say():
    """Right and left, outside and inside, over and under, on a face where all of them are known."""
    model = face_model_files.read()
    place = {name: model.mean_shape[model.landmarks[own]] for name, own in BASEL.items()}
    assert len(set(BASEL.values())) == len(BASEL) == 19
    assert set(landmarks.LEAST) <= set(BASEL.values())
    for name, point in place.items():
        side = name.split(".")[0]
        assert abs(point[0]) < 1.0 if side == "center" else point[0] * (side == "left") >= 0.0
        mirrored = place[name.replace(side, {"left": "right", "right": "left"}.get(side, side))]
        np.testing.assert_allclose(point, mirrored * [-1, 1, 1], atol=5.0)
    assert place["left.eye.corner_outer"][0] > place["left.eye.corner_inner"][0] + 15.0
    lips = [f"center.lips.{name}" for name in ("upper.outer", "upper.inner", "lower.outer")]
    heights = [place[name][1] for name in ("center.nose.tip", *lips, "center.chin.tip")]
    assert heights == sorted(heights, reverse=True)


def test_places_on_the_reference_instead_of_the_mean(shell, tmp_path):
    """Half a metre beside the mean nearest vertices would be others."""
    named = basel_names(shell)
    moved = shell.mean_shape @ np.diag([0.2, 0.2, -1.0]) + [500.0, 0.0, 0.0]
    entries = [
        {"id": name, "coordinates": moved[vertex].tolist()} for name, vertex in named.items()
    ]
    path = write_hdf5(shell, tmp_path / "a.h5", entries, shape__representer__points=moved.T)
    assert face_model_files.read(path).landmarks["jaw.9"] == shell.landmarks["jaw.9"]


@pytest.mark.parametrize(
    "text",
    [
        "[{",
        '[{"name": 1}]',
        '[{"id": "a", "coordinates": [NaN, 0, 0]}]',
        f'[{{"id": "a", "coordinates": [1{"0" * 400}, 0, 0]}}]',
        "one two",
        "{}",
    ],
)
def test_a_list_that_cannot_be_read_does_not_keep_the_model_from_being_drawn(
    shell, tmp_path, caplog, text
):
    path = write_hdf5(shell, tmp_path / "bfm.h5", metadata__landmarks__json=text)
    with caplog.at_level(logging.WARNING):
        model = face_model_files.read(path, require_landmarks=False)
    assert not model.landmarks
    assert ("cannot be read" in caplog.text) == (text != "{}")
    np.testing.assert_array_equal(model.mean_shape, shell.mean_shape)
    with pytest.raises(InputError, match=r"has no landmarks right_eye.1, .*7 of the 7 that .*JSON"):
        face_model_files.read(path)


def test_what_a_list_lacks_is_said_and_can_be_given(shell, tmp_path):
    named = basel_names(shell)
    vertex = named.pop("left.lips.corner")
    path = write_hdf5(shell, tmp_path / "bfm.h5", as_list(shell, named))
    with pytest.raises(InputError, match=r"no landmark outer_lip.7 \(1 of the 7 .*`landmarks`"):
        face_model_files.read(path)
    given = tmp_path / "mine.json"
    for name in ("outer_lip.7", "left.lips.corner"):
        given.write_text(json.dumps({name: vertex, "jaw.1": 5}))
        model = face_model_files.read(path, given)
        assert model.landmarks["outer_lip.7"] == vertex
        assert model.landmarks["jaw.1"] == 5
        assert model.landmarks["nose_bridge.4"] == named["center.nose.tip"]


def test_the_users_landmarks_go_before_the_files(shell, tmp_path):
    path = write_hdf5(shell, tmp_path / "bfm.h5", as_list(shell, basel_names(shell)))
    (tmp_path / "mine.json").write_text('{"nose_bridge.4": 3}')
    assert face_model_files.read(path, tmp_path / "mine.json").landmarks["nose_bridge.4"] == 3


def same(model, other):
    np.testing.assert_allclose(model.mean_shape, other.mean_shape, atol=1e-4)
    np.testing.assert_allclose(model.mean_albedo, other.mean_albedo, atol=1e-6)
    np.testing.assert_array_equal(model.triangles, other.triangles)
    for name in ("identity", "expression", "albedo"):
        got, want = getattr(model, name), getattr(other, name)
        np.testing.assert_allclose(got.basis, want.basis, atol=1e-6)
        np.testing.assert_allclose(got.std, want.std, rtol=1e-5)


def backwards(values):
    return np.ascontiguousarray(values[..., ::-1])


@pytest.mark.parametrize(
    "changes",
    [
        lambda m: {"shape__representer__cells": m.triangles},
        lambda m: {"shape__representer__cells": m.triangles.T + 1},
        lambda m: {"shape__representer__cells": m.triangles.T.astype(np.float64)},
        lambda m: {"shape__representer__cells": m.triangles.T.astype(np.uint16)},
        lambda m: {
            "shape__representer__cells": None,
            "expression__representer__cells": None,
            "representer__cells": m.triangles.T,
        },
        lambda m: {"shape__model__mean": m.mean_shape, "color__model__mean": m.mean_albedo.T},
        lambda m: {"shape__model__mean": m.mean_shape.reshape(-1, 1).astype(np.float64)},
        lambda m: {"shape__model__pcaBasis": m.identity.basis.T},
        lambda m: {"color__model__pcaVariance": m.albedo.std[:, None].astype(np.float64) ** 2},
        lambda m: {
            "color__model__mean": 255.0 * m.mean_albedo.reshape(-1),
            "color__model__pcaVariance": (255.0 * m.albedo.std.astype(np.float64)) ** 2,
        },
        lambda m: {
            "shape__model__pcaBasis": backwards(m.identity.basis),
            "shape__model__pcaVariance": backwards(m.identity.std).astype(np.float64) ** 2,
        },
        lambda m: {"shape__model__noiseVariance": 0.0, "modelinfo": None},
        lambda m: {"modelinfo__name": np.array([b"Basel"])},
    ],
)
def test_the_same_model_in_other_forms(shell, tmp_path, changes):
    path = write_hdf5(
        shell, tmp_path / "bfm.h5", as_list(shell, basel_names(shell)), **changes(shell)
    )
    model = face_model_files.read(path)
    same(model, shell)
    assert model.name in ("bfm", "Basel")


def test_triangles_turned_inward_are_turned_around(shell, tmp_path):
    path = write_hdf5(
        shell, tmp_path / "bfm.h5", shape__representer__cells=backwards(shell.triangles).T
    )
    model = face_model_files.read(path, require_landmarks=False)
    np.testing.assert_array_equal(model.triangles, shell.triangles)


def test_a_model_without_expressions_or_colours(shell, tmp_path):
    """As the model of 2009 comes in this layout: `shape` and `color` alone."""
    entries = as_list(shell, basel_names(shell))
    model = face_model_files.read(write_hdf5(shell, tmp_path / "a.h5", entries, expression=None))
    assert model.expression.basis.shape == (model.identity.basis.shape[0], 64)
    assert not model.expression.std.any()
    np.testing.assert_array_equal(model.mean_shape, shell.mean_shape)
    model = face_model_files.read(write_hdf5(shell, tmp_path / "b.h5", entries, color=None))
    assert not model.albedo.std.any()
    assert len(np.unique(model.mean_albedo, axis=0)) == 1
    # Half of a part is damage, not a part that is not there.
    path = write_hdf5(shell, tmp_path / "c.h5", entries, expression__model__pcaBasis=None)
    with pytest.raises(InputError, match="no dataset 'expression/model/pcaBasis'"):
        face_model_files.read(path)
