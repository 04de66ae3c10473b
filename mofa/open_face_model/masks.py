"""The masks of the albedo: which vertex belongs to which part of the face."""

from __future__ import annotations

import numpy as np

from mofa.arrays import Array
from mofa.open_face_model.albedo_prior import Parts
from mofa.open_face_model.brows import brow, soft_step
from mofa.open_face_model.head import eyeball, members, plain_adult
from mofa.open_face_model.makehuman import MakeHuman
from mofa.open_face_model.mesh_region import Region
from mofa.rendering import normals, triangle_rasterizer


def albedo_parts(source: MakeHuman, head: Region, points: Array) -> Parts:
    """The masks of the albedo."""
    x, y, z = points.T
    blend = head.blend
    eyes = {side: members(source, head, f"helper-{side}-eye") for side in ("l", "r")}
    teeth = members(source, head, "helper-upper-teeth") | members(
        source, head, "helper-lower-teeth"
    )
    flesh = (~(eyes["l"] | eyes["r"] | teeth)).astype(float)
    ears = blend @ source.texture_mask("ears")
    mouth = blend @ source.texture_mask("inside-mouth") * flesh
    lips = blend @ source.texture_mask("lips") * flesh
    rim = blend @ source.texture_mask("eyelids") * flesh

    iris, pupil = np.zeros(len(points)), np.zeros(len(points))
    lids = np.zeros(len(points))
    for side, ball in eyes.items():
        centre = 0.5 * (points[ball].min(axis=0) + points[ball].max(axis=0))
        _, axis = eyeball(source, plain_adult(source), side)
        away = points - centre
        distance = np.linalg.norm(away - np.outer(away @ axis, axis), axis=1)
        front = ball & (away @ axis > 0.0)
        iris += front * soft_step(6.3 - distance, 0.25)
        pupil += front * soft_step(2.7 - distance, 0.25)
        lids += np.exp(-0.5 * (np.linalg.norm(away * [0.8, 1.0, 1.0], axis=1) / 16.0) ** 4)
    sclera = (eyes["l"] | eyes["r"]) * 1.0

    top = soft_step(y - 97.0 + 0.0045 * x**2 - 0.012 * np.maximum(np.abs(x) - 35.0, 0.0) ** 2, 2.0)
    temples = soft_step(48.0 - z, 2.5) * soft_step(y - 2.0, 3.0)
    nape = soft_step(8.0 - z, 3.0) * soft_step(y + 55.0, 4.0)
    hair = np.clip(np.maximum(np.maximum(top, temples), nape) - 2.0 * ears, 0.0, 1.0) * flesh
    chin = soft_step(-36.0 - y, 3.0) * soft_step(y + 118.0, 4.0) * soft_step(z - 5.0, 8.0)
    cheek_line = soft_step(-8.0 - y + 0.9 * (np.abs(x) - 30.0) - 0.35 * (z - 40.0), 4.0)
    beard = chin * np.clip(cheek_line + soft_step(35.0 - np.abs(x), 4.0), 0.0, 1.0)
    beard = beard * (1.0 - lips) * (1.0 - mouth) * flesh
    cheeks = np.exp(-0.5 * (((np.abs(x) - 40.0) / 14.0) ** 2 + ((y + 12.0) / 13.0) ** 2))
    cheeks = np.maximum(cheeks, np.exp(-0.5 * ((x / 10.0) ** 2 + ((y + 22.0) / 9.0) ** 2)))
    return Parts(
        lips=lips,
        brows=brow(points) * flesh,
        hair=hair,
        beard=beard,
        cheeks=cheeks * flesh * (z > 40.0),
        lids=np.clip(lids, 0.0, 1.0) * flesh,
        rim=rim,
        mouth=mouth,
        iris=iris,
        pupil=pupil,
        sclera=sclera,
        teeth=teeth * 1.0,
        light=ambient_light(points, head.triangles),
    )


def ambient_light(points: Array, triangles: Array, directions: int = 96) -> Array:
    """[V]: the share of the sky that each vertex sees, from depth images of many sides."""
    number = np.arange(directions) + 0.5
    height = 1.0 - 2.0 * number / directions
    turn = np.pi * (1.0 + 5.0**0.5) * number
    ring = np.sqrt(1.0 - height**2)
    sky = np.stack((ring * np.cos(turn), height, ring * np.sin(turn)), axis=1)
    normal = normals.vertex_normals(points.astype(np.float32), triangles).numpy()
    seen, total = np.zeros(len(points)), np.full(len(points), 1e-6)
    size, reach = 400, 200.0
    for towards in sky:
        right = np.cross([0.0, 1.0, 0.0], towards)
        right /= np.linalg.norm(right)
        frame = np.stack((right, np.cross(towards, right), towards))
        local = points @ frame.T
        matrix = np.diag([1.0 / reach, 1.0 / reach, -1.0 / reach, 1.0])
        image = triangle_rasterizer.rasterize(
            local.astype(np.float32),
            triangles.astype(np.int32),
            {"depth": local[:, 2:].astype(np.float32)},
            matrix.astype(np.float32),
            (size, size),
            enable_cull_face=False,
        )
        column = np.clip((local[:, 0] / reach + 1.0) * 0.5 * size, 0, size - 1).astype(int)
        row = np.clip((1.0 - local[:, 1] / reach) * 0.5 * size, 0, size - 1).astype(int)
        depth = image["depth"].numpy()[row, column, 0]
        open_to = (local[:, 2] > depth - 1.5) | (image["mask"].numpy()[row, column, 0] == 0.0)
        cosine = np.maximum(normal @ towards, 0.0)
        seen += cosine * open_to
        total += cosine
    return np.clip(seen / total, 0.0, 1.0)
