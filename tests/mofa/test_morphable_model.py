"""Reading and writing morphable models, and what happens to damaged ones."""

from __future__ import annotations

import dataclasses
import json
import shutil

import h5py
import numpy as np
import pytest
import scipy.io

from mofa import landmarks, morphable_model
from mofa.morphable_model import Modes
from weights.errors import InputError


@pytest.fixture
def file(shell, tmp_path):
    path = tmp_path / "model.h5"
    morphable_model.write(shell, path)
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
    model = morphable_model.read(file)
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


def test_shape_and_colour_are_linear_in_standard_deviations(shell):
    identity, expression, albedo = (np.zeros((1, n), np.float32) for n in (80, 64, 80))
    np.testing.assert_allclose(shell.shape(identity, expression)[0], shell.mean_shape)
    identity[0, 2] = 2.0
    expected = 2.0 * shell.identity.std[2] * shell.identity.basis[:, 2].reshape(-1, 3)
    np.testing.assert_allclose(
        shell.shape(identity, expression)[0] - shell.mean_shape, expected, atol=1e-4
    )
    albedo[0, 1] = -1.0
    expected = -shell.albedo.std[1] * shell.albedo.basis[:, 1].reshape(-1, 3)
    np.testing.assert_allclose(shell.colour(albedo)[0] - shell.mean_albedo, expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"coefficients must have shape \[N, 80\]"):
        shell.colour(albedo[:, :3])


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
    model = morphable_model.read(path)
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
    model = morphable_model.read(path, require_landmarks=False)
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
    model = morphable_model.read(path, require_landmarks=False)
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
        morphable_model.read(path, require_landmarks=False)


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
    model = morphable_model.read(ict)
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
        morphable_model.read(ict)


def test_folder_without_a_model(tmp_path):
    with pytest.raises(InputError, match=r"no generic_neutral_mesh.obj"):
        morphable_model.read(tmp_path)


def nan(values):
    values = np.array(values)
    values.reshape(-1)[3] = np.nan
    return values


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: {"shape__model__mean": None}, "no dataset 'shape/model/mean'"),
        (lambda m: {"expression": None}, "no dataset 'expression/model"),
        (lambda m: {"color": None}, "no dataset 'color/model"),
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
        (lambda m: {"shape__representer__cells": m.triangles.T * 1.0}, "not integers"),
        (lambda m: {"shape__representer__cells": np.zeros((3, 0), int)}, r"must be \[T, 3\]"),
        (lambda m: {"shape__representer__cells": np.zeros((4, 5), int)}, r"must be \[T, 3\]"),
        (lambda m: {"metadata__landmarks": None}, "has no landmarks"),
        (lambda m: {"metadata__landmarks__json": "[{"}, "could not be read"),
        (lambda m: {"metadata__landmarks__json": '[{"name": 1}]'}, "could not be read"),
        (
            lambda m: {"metadata__landmarks__json": '[{"id": "a", "coordinates": [NaN, 0, 0]}]'},
            "not finite",
        ),
        (
            lambda m: {"metadata__landmarks__json": '[{"id": "a", "coordinates": [0, 0]}]'},
            "not a point",
        ),
        (lambda m: {"metadata__expressions": np.zeros((4, 3))}, r"must be \[S, 64\]"),
        (lambda m: {"shape__model__mean": "text"}, "not finite|could not be read|three a vertex"),
    ],
)
def test_hostile_hdf5(shell, file, damage, message):
    change(file, **damage(shell))
    with pytest.raises(InputError, match=message):
        morphable_model.read(file)


@pytest.mark.parametrize("kept", [0.5, 0.01, 0.0])
def test_truncated_hdf5(file, kept):
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError, match=r"model.h5"):
        morphable_model.read(file)


@pytest.mark.parametrize("name", ["page.h5", "page.mat", "page.txt"])
def test_a_web_page_instead_of_a_model(tmp_path, name):
    path = tmp_path / name
    path.write_text("<html>not found</html>")
    with pytest.raises(InputError, match=name):
        morphable_model.read(path)


def test_mat_file_of_something_else(tmp_path):
    scipy.io.savemat(tmp_path / "other.mat", {"a": np.eye(3)})
    with pytest.raises(InputError, match="no variable 'shapeMU'"):
        morphable_model.read(tmp_path / "other.mat")


def test_missing_file_says_where_to_get_one(tmp_path):
    with pytest.raises(InputError, match=r"no morphable model at .*faces.dmi.unibas.ch"):
        morphable_model.read(tmp_path / "absent.h5")


def test_landmarks_from_a_file(shell, file, tmp_path):
    change(file, metadata__landmarks=None)
    path = tmp_path / "landmarks.json"
    path.write_text(json.dumps({name: k for k, name in enumerate(landmarks.NAMES)}))
    model = morphable_model.read(file, landmarks=path)
    np.testing.assert_array_equal(model.landmark_vertices(), np.arange(68))
    path.write_text(json.dumps({"jaw.1": 10**6}))
    with pytest.raises(InputError, match=r"landmark 'jaw\.1' is vertex 1000000"):
        morphable_model.read(file, landmarks=path)
    path.write_text("[1, 2]")
    with pytest.raises(InputError, match="must be a JSON file"):
        morphable_model.read(file, landmarks=path)


def test_no_half_written_file(shell, tmp_path):
    broken = dataclasses.replace(shell, landmarks={"jaw.1": 10**6})
    with pytest.raises(IndexError):
        morphable_model.write(broken, tmp_path / "model.h5")
    assert list(tmp_path.iterdir()) == []


def test_mirrored_landmarks_are_an_involution():
    assert [landmarks.MIRROR[landmarks.MIRROR[k]] for k in range(68)] == list(range(68))
    assert len(set(landmarks.NAMES)) == 68


def test_the_open_default_model():
    model = morphable_model.read()
    path = morphable_model.DEFAULT_PATH
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
    learned = morphable_model.read(morphable_model.LEARNED_PATH)
    plain = morphable_model.read()
    assert morphable_model.LEARNED_PATH.stat().st_size <= 8 * 2**20
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


def test_digest_tells_models_apart(shell):
    assert shell.digest() == dataclasses.replace(shell, name="other").digest()
    darker = Modes(shell.albedo.basis, 0.9 * shell.albedo.std)
    assert shell.digest() != dataclasses.replace(shell, albedo=darker).digest()


def test_copy_of_the_default_model_by_path(tmp_path):
    path = tmp_path / "mine.h5"
    shutil.copy(morphable_model.DEFAULT_PATH, path)
    np.testing.assert_array_equal(
        morphable_model.read(path).mean_shape, morphable_model.read().mean_shape
    )


def test_around_a_vertex_are_its_neighbours_and_the_landmarks(shell) -> None:
    # 0 - 1 - 2 - 3 - 4 along a strip of triangles (k, k + 1, k + 2).
    model = dataclasses.replace(
        shell,
        mean_shape=shell.mean_shape[:7],
        mean_albedo=shell.mean_albedo[:7],
        identity=shell.identity.at(np.arange(7)),
        expression=shell.expression.at(np.arange(7)),
        albedo=shell.albedo.at(np.arange(7)),
        triangles=np.array([[k, k + 1, k + 2] for k in range(5)], np.int32),
        landmarks={"chin": 6, "brow": 1},
    )
    part, kept = model.around(np.arange(7) == 0)
    np.testing.assert_array_equal(kept, [0, 1, 2, 6])
    np.testing.assert_array_equal(part.triangles, [[0, 1, 2]])
    assert part.landmarks == {"chin": 3, "brow": 1}
    np.testing.assert_array_equal(part.mean_shape, shell.mean_shape[[0, 1, 2, 6]])
    coefficients = np.random.default_rng(0).normal(size=(1, 80)).astype(np.float32)
    np.testing.assert_allclose(
        part.colour(coefficients), model.colour(coefficients).numpy()[:, kept], atol=1e-6
    )
