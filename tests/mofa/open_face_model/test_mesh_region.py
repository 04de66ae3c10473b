from __future__ import annotations

import numpy as np
import pytest

from mofa.open_face_model import mesh_region

# A 3x3 grid of points in the unit square times two, four quads.
GRID = np.array([[x, y, 0.0] for y in range(3) for x in range(3)])
QUADS = np.array([[0, 1, 4, 3], [1, 2, 5, 4], [3, 4, 7, 6], [4, 5, 8, 7]])


def area(points, triangles):
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return 0.5 * np.cross(b - a, c - a)[:, 2]


@pytest.fixture
def sheet():
    return mesh_region.whole(QUADS, len(GRID))


def test_whole(sheet):
    assert len(sheet.triangles) == 8
    np.testing.assert_allclose(area(GRID, sheet.triangles), 0.5)
    # A triangle given as a quad with its last corner twice stays one triangle.
    assert len(mesh_region.whole(np.array([[0, 1, 4, 4]]), 9).triangles) == 1


@pytest.mark.parametrize("level", [0.5, 1.0, 1.3])
def test_cut_keeps_exactly_one_side(sheet, level):
    # What remains of the 2x2 square right of x = level has area 2 (2 - level).
    part = mesh_region.cut(sheet, GRID[:, 0] - level)
    points = part.blend @ GRID
    areas = area(points, part.triangles)
    assert areas.sum() == pytest.approx(2.0 * (2.0 - level))
    assert (areas > -1e-12).all()
    assert points[:, 0].min() >= level - 1e-12
    np.testing.assert_allclose(part.blend.sum(axis=1), 1.0)
    assert len(np.unique(part.triangles)) == len(points)


def test_cut_along_a_slanted_line(sheet):
    # Above x + y = 2.5 a corner triangle of legs 1.5 remains.
    part = mesh_region.cut(sheet, GRID[:, 0] + GRID[:, 1] - 2.5)
    assert area(part.blend @ GRID, part.triangles).sum() == pytest.approx(0.5 * 1.5**2)


@pytest.mark.parametrize("marked", [[0], [0, 1], [3], list(range(8))])
def test_refine_without_cracks(sheet, marked):
    chosen = np.zeros(8, bool)
    chosen[marked] = True
    fine = mesh_region.refine(sheet, chosen)
    points = fine.blend @ GRID
    areas = area(points, fine.triangles)
    assert areas.sum() == pytest.approx(4.0)
    assert (areas > 0.0).all()
    # No crack: an inner edge belongs to two triangles, in opposite directions.
    edges = [(t[k], t[(k + 1) % 3]) for t in fine.triangles.tolist() for k in range(3)]
    assert len(set(edges)) == len(edges)
    for a, b in edges:
        if (b, a) not in edges:
            on_border = [np.isclose(points[v, :2], s).any() for v in (a, b) for s in (0.0, 2.0)]
            assert any(on_border)
            middle = 0.5 * (points[a] + points[b])[:2]
            assert np.isclose(middle, 0.0).any() or np.isclose(middle, 2.0).any()


def test_displacements_follow(sheet):
    # A linear field stays linear under cutting and refining.
    field = GRID @ [2.0, -3.0, 0.0]
    fine = mesh_region.refine(sheet, np.ones(8, bool))
    part = mesh_region.cut(fine, (fine.blend @ GRID)[:, 1] - 0.4)
    np.testing.assert_allclose(part.blend @ field, (part.blend @ GRID) @ [2.0, -3.0, 0.0])


def test_join(sheet):
    left = mesh_region.cut(sheet, 1.0 - GRID[:, 0])
    right = mesh_region.cut(sheet, GRID[:, 0] - 1.0)
    both = mesh_region.join([left, right])
    assert area(both.blend @ GRID, both.triangles).sum() == pytest.approx(4.0)
    assert both.triangles.max() == both.blend.shape[0] - 1
