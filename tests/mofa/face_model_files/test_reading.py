"""Reading and writing face models, and what happens to damaged files."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil

import h5py
import numpy as np
import pytest
import scipy.io

from mofa import face_model_files, landmarks
from weights.errors import InputError


@pytest.fixture
def file(shell, tmp_path):
    path = tmp_path / "model.h5"
    face_model_files.write(shell, path)
    return path


def change(path, **datasets):
    """Replace datasets of an HDF5 file; None removes one. Double underscores stand for slashes."""
    with h5py.File(path, "r+") as file:
        for key, value in datasets.items():
            name = key.replace("__", "/")
            if name in file:
                del file[name]
            if value is not None:
                file[name] = value


def test_round_trip(shell, file):
    model = face_model_files.read(file)
    assert model.name == "shell"
    np.testing.assert_array_equal(model.mean_shape, shell.mean_shape)
    np.testing.assert_array_equal(model.mean_albedo, shell.mean_albedo)
    np.testing.assert_array_equal(model.triangles, shell.triangles)
    assert dict(model.landmarks) == dict(shell.landmarks)
    for name in ("identity", "expression", "albedo"):
        got, want = getattr(model, name), getattr(shell, name)
        np.testing.assert_allclose(got.std, want.std, rtol=1e-6)
        np.testing.assert_allclose(got.basis, want.basis, atol=1e-4)  # float16 of values below 0.3
    np.testing.assert_allclose(model.expression_samples, shell.expression_samples, atol=2e-3)


def nan(values):
    values = np.array(values)
    values.reshape(-1)[3] = np.nan
    return values


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: {"shape__model__mean": None}, "no dataset 'shape/model/mean'"),
        (lambda m: {"expression__model__mean": None}, "no dataset 'expression/model"),
        (lambda m: {"color__model__pcaBasis": None}, "no dataset 'color/model"),
        (lambda m: {"shape__model__mean": nan(m.mean_shape)}, "not finite"),
        (lambda m: {"color__model__pcaBasis": nan(m.albedo.basis)}, "not finite"),
        (lambda m: {"shape__model__pcaVariance": nan(m.identity.std)}, "not finite"),
        (lambda m: {"shape__model__mean": m.mean_shape.reshape(-1)[:-1]}, "not three a vertex"),
        (lambda m: {"shape__model__mean": m.mean_shape[:-1]}, "vertices but shape has"),
        (lambda m: {"color__model__mean": m.mean_albedo[:-1]}, "color has"),
        (lambda m: {"shape__model__pcaBasis": m.identity.basis[:-3]}, "the basis has shape"),
        (lambda m: {"shape__model__pcaBasis": m.identity.basis[:, 0]}, "the basis has shape"),
        (lambda m: {"shape__model__pcaVariance": m.identity.std[:-1]}, "79 deviations"),
        (lambda m: {"shape__representer__cells": m.triangles.T + 9999}, "names vertex"),
        (lambda m: {"shape__representer__cells": m.triangles.T - 1}, "names vertex"),
        (lambda m: {"shape__representer__cells": m.triangles.T + 0.5}, "not integers"),
        (lambda m: {"shape__representer__cells": np.zeros((3, 0), int)}, r"must be \[T, 3\]"),
        (lambda m: {"shape__representer__cells": np.zeros((4, 5), int)}, r"must be \[T, 3\]"),
        (lambda m: {"metadata__landmarks": None}, "has no landmarks"),
        (lambda m: {"shape__representer__cells": m.triangles.T.astype(complex)}, "not integers"),
        (lambda m: {"metadata__expressions": np.zeros((4, 3))}, r"must be \[S, 64\]"),
        (lambda m: {"shape__model__mean": "text"}, "not finite|could not be read|three a vertex"),
    ],
)
def test_hostile_hdf5(shell, file, damage, message):
    change(file, **damage(shell))
    with pytest.raises(InputError, match=message):
        face_model_files.read(file)


@pytest.mark.parametrize(
    "name",
    [
        *(f"{part}/model/{each}" for part in ("shape", "color") for each in ("mean", "pcaBasis")),
        *("shape/representer/cells", "shape/representer/points", "metadata/expressions"),
        "modelinfo/name",
    ],
)
def test_a_dataset_of_any_size_in_a_few_bytes_is_not_read(file, monkeypatch, name):
    with h5py.File(file, "r+") as opened:
        if name in opened:
            del opened[name]
        opened.create_dataset(name, (1 << 20, 1 << 20), "f4", chunks=(64, 64))  # 4 TiB
    monkeypatch.setattr(h5py.Dataset, "__getitem__", only_small(h5py.Dataset.__getitem__))
    with pytest.raises(InputError, match=rf"model\.h5: /{name} is to have 4194304 MiB, more than"):
        face_model_files.read(file)


def only_small(read):
    """Reading that fails the test, not the machine, where too much is asked for."""

    def guarded(dataset, *arguments):
        assert dataset.nbytes < 1 << 24
        return read(dataset, *arguments)

    return guarded


def test_a_list_of_landmarks_of_any_size_is_left_out(file, monkeypatch, caplog):
    change(file, metadata__landmarks=None)
    with h5py.File(file, "r+") as opened:
        opened.create_dataset("metadata/landmarks/json", (1 << 40,), "u1", chunks=(64,))
    monkeypatch.setattr(h5py.Dataset, "__getitem__", only_small(h5py.Dataset.__getitem__))
    with caplog.at_level(logging.WARNING):
        assert not face_model_files.read(file, require_landmarks=False).landmarks
    assert "cannot be read (model.h5: /metadata/landmarks/json is to have" in caplog.text


def test_a_matlab_file_of_version_7_3_of_any_size_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(h5py.Dataset, "__getitem__", only_small(h5py.Dataset.__getitem__))
    with h5py.File(tmp_path / "a.mat", "w") as opened:
        for name in ("shapeMU", "shapePC"):  # each may be read, both together may not
            opened.create_dataset(name, (600 << 20,), "u1", chunks=(64,))
    with pytest.raises(InputError, match=r"a\.mat: its content is to have 1200 MiB"):
        face_model_files.read(tmp_path / "a.mat")


@pytest.mark.parametrize("error", [MemoryError(), OverflowError("too large")])
def test_what_exhausts_the_memory_names_the_file(file, monkeypatch, error):
    def exhausted(*_):
        raise error

    monkeypatch.setattr(h5py.Dataset, "__getitem__", exhausted)
    with pytest.raises(InputError, match=r"model\.h5 could not be read as a morphable model"):
        face_model_files.read(file)


@pytest.mark.parametrize("kept", [0.5, 0.01, 0.0])
def test_truncated_hdf5(file, kept):
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError, match=r"model.h5"):
        face_model_files.read(file)


@pytest.mark.parametrize("name", ["page.h5", "page.mat", "page.txt"])
def test_a_web_page_instead_of_a_model(tmp_path, name):
    path = tmp_path / name
    path.write_text("<html>not found</html>")
    with pytest.raises(InputError, match=name):
        face_model_files.read(path)


def test_mat_file_of_something_else(tmp_path):
    scipy.io.savemat(tmp_path / "other.mat", {"a": np.eye(3)})
    with pytest.raises(InputError, match="no variable 'shapeMU'"):
        face_model_files.read(tmp_path / "other.mat")


def test_missing_file_says_where_to_get_one(tmp_path):
    with pytest.raises(InputError, match=r"no morphable model at .*faces.dmi.unibas.ch"):
        face_model_files.read(tmp_path / "absent.h5")


def test_landmarks_from_a_file(shell, file, tmp_path):
    change(file, metadata__landmarks=None)
    path = tmp_path / "landmarks.json"
    path.write_text(json.dumps({name: k for k, name in enumerate(landmarks.NAMES)}))
    model = face_model_files.read(file, landmarks=path)
    np.testing.assert_array_equal(model.landmark_vertices(), np.arange(68))
    path.write_text(json.dumps(list(range(1, 69))))
    model = face_model_files.read(file, landmarks=path)
    np.testing.assert_array_equal(model.landmark_vertices(), np.arange(1, 69))
    path.write_text(json.dumps({"jaw.1": 10**6}))
    with pytest.raises(InputError, match=r"landmark 'jaw\.1' is vertex 1000000"):
        face_model_files.read(file, landmarks=path)
    for text in (
        "[1, 2]",
        '"jaw.1"',
        '{"jaw.1": 1.5}',
        '{"jaw.1": null}',
        '{"jaw.1": Infinity}',
        "{",
    ):
        path.write_text(text)
        with pytest.raises(InputError, match="must be a JSON file"):
            face_model_files.read(file, landmarks=path)


def test_no_half_written_file(shell, tmp_path):
    broken = dataclasses.replace(shell, landmarks={"jaw.1": 10**6})
    with pytest.raises(IndexError):
        face_model_files.write(broken, tmp_path / "model.h5")
    assert list(tmp_path.iterdir()) == []


def test_the_open_default_model():
    model = face_model_files.read()
    path = face_model_files.DEFAULT_PATH
    assert path.stat().st_size <= 8 * 2**20
    count = len(model.mean_shape)
    assert 2000 <= count <= 6000
    for modes, number in ((model.identity, 80), (model.expression, 64), (model.albedo, 80)):
        assert modes.basis.shape == (3 * count, number)
        assert (np.diff(modes.std) <= 0).all()
        assert modes.std[-1] > 0
        gram = modes.basis.T @ modes.basis
        np.testing.assert_allclose(gram, np.eye(number), atol=2e-3)
    assert model.mean_albedo.min() >= 0.0
    assert model.mean_albedo.max() <= 1.0
    # A head: 150 to 200 mm wide, 200 to 280 mm high.
    size = np.ptp(model.mean_shape, axis=0)
    assert 150 < size[0] < 200
    assert 200 < size[1] < 280
    # Landmarks lie mirrored, to within half a centimetre.
    place = model.mean_shape[model.landmark_vertices()]
    mirrored = place[list(landmarks.MIRROR)] * [-1, 1, 1]
    assert np.abs(place - mirrored).max() < 5.0
    # No triangle of the mean is degenerate, and every vertex belongs to one.
    corners = model.mean_shape[model.triangles]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    assert area.min() > 1e-4
    assert len(np.unique(model.triangles)) == count


def test_the_learned_model_differs_in_albedo_alone():
    learned = face_model_files.read(face_model_files.LEARNED_PATH)
    plain = face_model_files.read()
    assert face_model_files.LEARNED_PATH.stat().st_size <= 8 * 2**20
    np.testing.assert_array_equal(learned.mean_shape, plain.mean_shape)
    np.testing.assert_array_equal(learned.triangles, plain.triangles)
    np.testing.assert_array_equal(learned.identity.basis, plain.identity.basis)
    np.testing.assert_array_equal(learned.expression.std, plain.expression.std)
    np.testing.assert_array_equal(learned.expression_samples, plain.expression_samples)
    assert learned.landmarks == plain.landmarks
    gram = learned.albedo.basis.T @ learned.albedo.basis
    np.testing.assert_allclose(gram, np.eye(80), atol=2e-3)
    assert learned.albedo.std[-1] > 0
    assert not np.allclose(learned.mean_albedo, plain.mean_albedo, atol=0.02)
    # Eyes are darker than cheeks, also where photographs have taught it.
    place = learned.landmark_vertices()
    assert learned.mean_albedo[place[36:48]].mean() < learned.mean_albedo[place[29:31]].mean()


def test_copy_of_the_default_model_by_path(tmp_path):
    path = tmp_path / "mine.h5"
    shutil.copy(face_model_files.DEFAULT_PATH, path)
    np.testing.assert_array_equal(
        face_model_files.read(path).mean_shape, face_model_files.read().mean_shape
    )
