"""The head that is cut out of MakeHuman's body: face, ears, front of the neck, eyes, teeth."""

from __future__ import annotations

import re

import numpy as np

from mofa.arrays import Array
from mofa.open_face_model import mesh_region
from mofa.open_face_model.brows import brow
from mofa.open_face_model.makehuman import MakeHuman
from mofa.open_face_model.mesh_region import Region

RACES = ("african", "asian", "caucasian")
SEXES = ("female", "male")

ORIGIN = np.array([0.0, 715.0, 60.0])
"""The middle of the head in MakeHuman's space, mm: the model's origin."""


def macro_faces(source: MakeHuman) -> Array:
    """The displacements [6, N, 3] of the six macro faces."""
    return np.stack(
        [source.target("macrodetails", f"{race}-{sex}-young") for race in RACES for sex in SEXES]
    )


def plain_adult(source: MakeHuman) -> Array:
    """A plain young adult: the base with the mean of the macro faces, [N, 3] in mm."""
    body = [
        source.target("macrodetails", f"universal-{sex}-young-averagemuscle-averageweight")
        for sex in SEXES
    ]
    return source.vertices + macro_faces(source).mean(axis=0) + np.mean(body, axis=0)


def cut_head(source: MakeHuman, plain: Array) -> Region:
    """Face, ears and front of the neck with eyes and teeth, cleanly cut, finer where it matters."""
    bones = source.bone_weights()
    parts = [
        weight
        for name, weight in bones.items()
        if name in ("head", "jaw", "neck01", "neck02", "neck03")
        or re.match(r"(eye|oris|orbicularis|oculi|levator|risorius|temporalis|special)", name)
    ]
    held = np.sum(parts, axis=0)
    quads = source.groups["body"]
    quads = quads[(held > 0.3)[quads].all(axis=1)]
    skin = mesh_region.compact(mesh_region.whole(quads, len(plain)))
    # Behind the ears, and across the neck.
    skin = mesh_region.cut(skin, (skin.blend @ plain)[:, 2] + 8.0)
    place = skin.blend @ plain
    skin = mesh_region.cut(skin, place[:, 1] - 592.0 - 0.12 * (60.0 - place[:, 2]))
    # Brows are narrower than the mesh is fine.
    brows = brow(skin.blend @ plain - ORIGIN, margin=3.0) > 0.3
    skin = mesh_region.refine(skin, brows[skin.triangles].any(axis=1))

    pieces = [skin]
    for side in ("l", "r"):
        eye = mesh_region.compact(
            mesh_region.whole(source.groups[f"helper-{side}-eye"], len(plain))
        )
        for radius in (13.0, 8.5):
            centre, axis = eyeball(source, plain, side)
            away = eye.blend @ plain - centre
            front = away @ axis > 0.0
            near = np.linalg.norm(away - np.outer(away @ axis, axis), axis=1) < radius
            eye = mesh_region.refine(eye, (front & near)[eye.triangles].any(axis=1))
        pieces.append(eye)
    for jaw in ("upper", "lower"):
        teeth = mesh_region.whole(source.groups[f"helper-{jaw}-teeth"], len(plain))
        pieces.append(mesh_region.compact(teeth))
    return mesh_region.join(pieces)


def members(source: MakeHuman, head: Region, group: str) -> Array:
    """[V], whether a vertex of the head comes from a part of MakeHuman's mesh."""
    indicator = np.zeros(head.blend.shape[1])
    indicator[np.unique(source.groups[group])] = 1.0
    return head.blend @ indicator > 0.5


def eyeball(source: MakeHuman, plain: Array, side: str) -> tuple[Array, Array]:
    """Centre and axis of an eyeball: the axis goes to the ring of eight vertices at the pupil."""
    ball = plain[np.unique(source.groups[f"helper-{side}-eye"])]
    centre = 0.5 * (ball.min(axis=0) + ball.max(axis=0))
    pupil = ball[np.argsort(-ball[:, 2])[:8]].mean(axis=0)
    axis = pupil - centre
    return centre, axis / np.linalg.norm(axis)


def round_eyes(source: MakeHuman, head: Region, points: Array) -> Array:
    """Put the vertices that refinement added to the eyeballs onto their sphere."""
    points = points.copy()
    original = head.blend.getnnz(axis=1) == 1
    for side in ("l", "r"):
        ball = members(source, head, f"helper-{side}-eye")
        centre = 0.5 * (points[ball].min(axis=0) + points[ball].max(axis=0))
        away = points[ball] - centre
        radius = np.linalg.norm(away, axis=1, keepdims=True)
        reach = np.median(radius[original[ball]])
        points[ball] = centre + away * np.where(
            original[ball][:, None], 1.0, np.maximum(1.0, reach / radius)
        )
    return points


def set_back_teeth(source: MakeHuman, head: Region, points: Array) -> Array:
    """MakeHuman's teeth touch the lips; behind them they do not shine through."""
    points = points.copy()
    for jaw in ("upper", "lower"):
        points[members(source, head, f"helper-{jaw}-teeth"), 2] -= 6.0
    return points
