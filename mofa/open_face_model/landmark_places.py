"""Where the 68 landmarks lie on the head, by the geometry of the mean face."""

from __future__ import annotations

import numpy as np

from mofa import landmarks as landmark_names
from mofa.arrays import Array
from mofa.open_face_model.albedo_prior import Parts
from mofa.open_face_model.brows import brow_height
from mofa.rendering import normals


def landmark_places(
    points: Array,
    triangles: Array,
    parts: Parts,
    lower: Array,
    ears: Array,
) -> dict[str, int]:
    """The 68 landmarks, by the geometry of the mean face.

    Args:
      points: [V, 3].
      triangles: [T, 3].
      parts: the masks.
      lower: [V], whether the vertex moves with the jaw.
      ears: [V], whether it belongs to an ear.

    Returns:
      Name to vertex.
    """
    x, y, z = points.T
    normal = normals.vertex_normals(points.astype(np.float32), triangles).numpy()
    flesh = (parts.skin > 0.5) & (parts.light > 0.25)
    seen = flesh & (normal[:, 2] > 0.05)

    def nearest(place: list[float], among: Array) -> int:
        """The vertex nearest to (x, y) as seen from the front."""
        distance = (x - place[0]) ** 2 + (y - place[1]) ** 2 + 1e9 * ~among
        return int(np.argmin(distance))

    def extreme(value: Array, among: Array) -> int:
        return int(np.argmax(np.where(among, value, -np.inf)))

    eye = 0.5 * (points[parts.pupil > 0.5][:, 1].min() + points[parts.pupil > 0.5][:, 1].max())
    tip = extreme(z, seen & (np.abs(x) < 1.0) & (y < eye) & (y > eye - 60.0))
    chosen: list[int] = []

    # Contour: the outermost vertex in each direction from between the eyes, neck and ears left out.
    angle = np.arctan2(eye - y, np.abs(x))
    radius = np.hypot(x, y - eye)
    bone = flesh & (normal[:, 2] > 0.0) & (z > np.where(y < -70.0, 30.0, 12.0)) & ~ears
    for number in range(17):
        sector = np.pi / 2.0 * (1.0 - abs(number - 8) / 8.0)
        side = (np.sign(x) == np.sign(number - 8)) | (np.abs(x) < 1.0)
        on_line = (np.abs(x) < 1.0) if number == 8 else side & (np.abs(x) > 3.0)
        chosen.append(extreme(radius, bone & on_line & (np.abs(angle - sector) < 0.1)))

    for side in (-1.0, 1.0):
        along = np.linspace(50.0, 12.0, 5) if side < 0.0 else np.linspace(12.0, 50.0, 5)
        chosen += [nearest([side * across, float(brow_height(across))], seen) for across in along]

    middle = seen & (np.abs(x) < 1.0)
    chosen += [nearest([0.0, level], middle) for level in np.linspace(eye + 1.0, y[tip], 4)]
    under = y[tip] - 11.0
    chosen += [nearest([across, under], seen) for across in (-12.0, -6.0, 0.0, 6.0, 12.0)]

    for side in (-1.0, 1.0):
        ball = (parts.sclera > 0.5) & (x * side > 0.0)
        centre = 0.5 * (points[ball].min(axis=0) + points[ball].max(axis=0))
        rim = (parts.rim > 0.5) & (x * side > 0.0) & (normal[:, 2] > 0.0)
        right, left = extreme(-x, rim), extreme(x, rim)
        inner = -np.hypot(x - centre[0], 2.0 * (y - centre[1]))
        share = (x - x[right]) / (x[left] - x[right])
        line = y[right] + share * (y[left] - y[right])
        upper, below = rim & (y > line + 1.0), rim & (y < line - 1.0)

        def lid(part: Array, place: float, share: Array, inner: Array) -> int:
            return extreme(inner - 40.0 * np.abs(share - place), part)

        chosen += [right, lid(upper, 0.33, share, inner), lid(upper, 0.67, share, inner)]
        chosen += [left, lid(below, 0.67, share, inner), lid(below, 0.33, share, inner)]

    lips = (parts.lips > 0.4) & (parts.mouth < 0.5) & flesh
    right, left = extreme(-x, lips), extreme(x, lips)
    half = x[left]
    top = lips & ~lower & (normal[:, 2] > 0.0)
    bottom = lips & lower & (normal[:, 2] > 0.0) & (y < y[left] + 1.5)

    def lip(part: Array, place: float, sign: float) -> int:
        return extreme(sign * y - 2.0 * np.abs(x - place * half), part)

    chosen.append(right)
    chosen += [lip(top, place, 1.0) for place in (-0.65, -0.3, 0.0, 0.3, 0.65)]
    chosen.append(left)
    chosen += [lip(bottom, place, -1.0) for place in (0.65, 0.3, 0.0, -0.3, -0.65)]
    chosen.append(nearest([0.93 * x[right], y[right]], lips))
    chosen += [lip(top, place, -1.0) for place in (-0.4, 0.0, 0.4)]
    chosen.append(nearest([0.93 * x[left], y[left]], lips))
    chosen += [lip(bottom, place, 1.0) for place in (0.4, 0.0, -0.4)]
    return dict(zip(landmark_names.NAMES, chosen, strict=True))
