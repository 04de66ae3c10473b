"""Cutting and refining a triangle mesh while staying a linear function of its vertices.

Whatever is done to a mesh here is `new_vertices = blend @ vertices` with a sparse matrix `blend`,
so the same matrix carries over every displacement of the original mesh.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse

from mofa.arrays import Array


@dataclasses.dataclass(frozen=True)
class Region:
    """A mesh derived from another one.

    Attributes:
      blend: sparse [V, N], rows sum to one: where the V vertices lie among the original N.
      triangles: int [T, 3].
    """

    blend: scipy.sparse.csr_matrix
    triangles: Array


def whole(quads: Array, count: int) -> Region:
    """The triangles of quads [Q, 4] (a triangle repeats its last corner) over `count` vertices."""
    second = quads[quads[:, 2] != quads[:, 3]][:, [0, 2, 3]]
    triangles = np.concatenate((quads[:, :3], second))
    return Region(scipy.sparse.identity(count, format="csr"), triangles)


def cut(region: Region, field: Array) -> Region:
    """Keep the part where `field` [V], linear inside each triangle, is positive.

    Triangles across the border are cut along it, so that the border is a clean line.
    """
    inside = field > 0.0
    corners = inside[region.triangles]
    number = corners.sum(axis=1)
    result = [region.triangles[number == 3]]
    edges = _EdgePoints(region, field)
    for triangle in region.triangles[number == 1]:
        a, b, c = np.roll(triangle, -int(np.argmax(inside[triangle])))
        result.append([[a, edges.point(a, b), edges.point(a, c)]])
    for triangle in region.triangles[number == 2]:
        a, b, c = np.roll(triangle, -int(np.argmin(inside[triangle])))
        ab, ac = edges.point(a, b), edges.point(a, c)
        result.append([[ab, b, c], [ab, c, ac]])
    return compact(Region(edges.blend(), np.concatenate(result)))


def refine(region: Region, marked: Array) -> Region:
    """Split the marked triangles [T] into four and their neighbours so that no crack appears."""
    edges = _EdgePoints(region, None)
    split = set()
    for triangle in region.triangles[marked]:
        for k in range(3):
            split.add(_edge(triangle[k], triangle[(k + 1) % 3]))
    result = []
    for triangle in region.triangles:
        cuts = [_edge(triangle[k], triangle[(k + 1) % 3]) in split for k in range(3)]
        number = sum(cuts)
        if number == 0:
            result.append(list(triangle))
            continue
        # Turned so that the first edge is split and, for two, the last one is not.
        turn = cuts.index(True)
        if number == 2:
            turn = (cuts.index(False) + 1) % 3
        a, b, c = np.roll(triangle, -turn)
        ab = edges.point(a, b)
        if number == 1:
            result += [[a, ab, c], [ab, b, c]]
        elif number == 2:
            bc = edges.point(b, c)
            result += [[ab, b, bc], [a, ab, bc], [a, bc, c]]
        else:
            bc, ca = edges.point(b, c), edges.point(c, a)
            result += [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
    return Region(edges.blend(), np.array(result))


def join(regions: list[Region]) -> Region:
    """Several meshes over the same original vertices as one."""
    offsets = np.cumsum([0] + [region.blend.shape[0] for region in regions])
    return Region(
        scipy.sparse.vstack([region.blend for region in regions], format="csr"),
        np.concatenate(
            [region.triangles + start for region, start in zip(regions, offsets, strict=False)]
        ),
    )


def compact(region: Region) -> Region:
    """Drop the vertices that no triangle uses."""
    used, triangles = np.unique(region.triangles, return_inverse=True)
    return Region(region.blend[used], triangles.reshape(-1, 3))


def _edge(a: int, b: int) -> tuple[int, int]:
    return (int(min(a, b)), int(max(a, b)))


class _EdgePoints:
    """New vertices on the edges of a region: where a field is zero, or in the middle."""

    def __init__(self, region: Region, field: Array | None) -> None:
        self._region = region
        self._field = field
        self._index: dict[tuple[int, int], int] = {}
        self._rows: list[tuple[int, int, float]] = []

    def point(self, a: int, b: int) -> int:
        key = _edge(a, b)
        if key not in self._index:
            low, high = key
            weight = 0.5
            if self._field is not None:
                weight = self._field[low] / (self._field[low] - self._field[high])
            self._index[key] = self._region.blend.shape[0] + len(self._rows)
            self._rows.append((low, high, float(weight)))
        return self._index[key]

    def blend(self) -> scipy.sparse.csr_matrix:
        old = self._region.blend
        if not self._rows:
            return old
        low, high, weight = (np.array(column) for column in zip(*self._rows, strict=True))
        rows = np.arange(len(self._rows))
        mix = scipy.sparse.csr_matrix(
            (
                np.concatenate((1.0 - weight, weight)),
                (np.concatenate((rows, rows)), np.concatenate((low, high)).astype(int)),
            ),
            shape=(len(self._rows), old.shape[0]),
        )
        return scipy.sparse.vstack((old, mix @ old), format="csr")
