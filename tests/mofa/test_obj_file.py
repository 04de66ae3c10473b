from __future__ import annotations

import numpy as np
import pytest

from mofa import obj_file


def test_preset(tmp_path):
    path = tmp_path / "face.obj"
    obj_file.write(
        path, [[0, 0, 0], [1, 0, 0], [0, 1.5, 0]], [[0, 1, 2]], [[1, 0, 0], [0, 2, 0], [0, 0, -1]]
    )
    assert path.read_text().splitlines() == [
        "v 0.0000 0.0000 0.0000 1.0000 0.0000 0.0000",
        "v 1.0000 0.0000 0.0000 0.0000 1.0000 0.0000",
        "v 0.0000 1.5000 0.0000 0.0000 0.0000 0.0000",
        "f 1 2 3",
    ]


def test_without_colours(tmp_path):
    obj_file.write(tmp_path / "a.obj", np.zeros((3, 3)), [[0, 1, 2]])
    assert (tmp_path / "a.obj").read_text().splitlines()[0] == "v 0.0000 0.0000 0.0000"


def test_shapes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"vertices must have shape \[V, 3\], got \(3, 2\)"):
        obj_file.write(tmp_path / "a.obj", np.zeros((3, 2)), [[0, 1, 2]])
    with pytest.raises(ValueError, match="triangles must"):
        obj_file.write(tmp_path / "a.obj", np.zeros((3, 3)), [0, 1, 2])
    with pytest.raises(ValueError, match=r"colours must have shape \(3, 3\), got \(2, 3\)"):
        obj_file.write(tmp_path / "a.obj", np.zeros((3, 3)), [[0, 1, 2]], np.zeros((2, 3)))
    assert list(tmp_path.iterdir()) == []
