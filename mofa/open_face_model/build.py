"""The open face model, put together."""

from __future__ import annotations

import logging

import numpy as np

from mofa.arrays import Array
from mofa.morphable_model import ALBEDO, Modes, MorphableModel
from mofa.open_face_model import albedo_prior
from mofa.open_face_model.head import (
    ORIGIN,
    cut_head,
    plain_adult,
    round_eyes,
    set_back_teeth,
)
from mofa.open_face_model.landmark_places import landmark_places
from mofa.open_face_model.makehuman import MakeHuman
from mofa.open_face_model.masks import albedo_parts
from mofa.open_face_model.modes import expression_modes, identity_modes, principal
from mofa.signs import agreeing


def build(
    source: MakeHuman, samples: int, seed: int, like: MorphableModel | None = None
) -> MorphableModel:
    """The model: geometry, modes and landmarks.

    Args:
      source: MakeHuman's data.
      samples: random heads and random expressions to analyse.
      seed: of all random choices.
      like: a model of the same mesh, whose modes say which side of each mode is the positive one,
        so that codes of the one mean the same face in the other.

    Returns:
      The model.
    """
    rng = np.random.default_rng(seed)
    plain = plain_adult(source)
    head = cut_head(source, plain)
    points = head.blend @ plain - ORIGIN
    # MakeHuman's lips are a hair apart; a touch less than no opening of the jaw closes them.
    points = points - 0.05 * (head.blend @ source.face_unit("jawOpen"))
    points = round_eyes(source, head, points)
    points = set_back_teeth(source, head, points)
    logging.info("%d vertices, %d triangles", len(points), len(head.triangles))

    identity = identity_modes(source, head, plain, points, samples, rng)
    expression, expression_samples = expression_modes(source, head, samples, rng)
    parts = albedo_parts(source, head, points)
    factor = albedo_prior.directions(parts, points, rng)
    albedo = principal(factor.T * np.sqrt(factor.shape[1]), ALBEDO, skewed=False)
    if like is not None and like.mean_shape.shape == points.shape:
        identity, _ = _turned(identity, like.identity)
        expression, signs = _turned(expression, like.expression)
        expression_samples = expression_samples * signs
        albedo, _ = _turned(albedo, like.albedo)
    lower = (head.blend @ source.face_unit("jawOpen"))[:, 1] < -4.0
    ears = head.blend @ source.texture_mask("ears") > 0.1
    return MorphableModel(
        name="open face model",
        mean_shape=points.astype(np.float32),
        mean_albedo=albedo_prior.mean(parts).astype(np.float32),
        identity=identity,
        expression=expression,
        albedo=albedo,
        triangles=head.triangles.astype(np.int32),
        landmarks=landmark_places(points, head.triangles, parts, lower, ears),
        expression_samples=expression_samples,
    )


def _turned(modes: Modes, like: Modes) -> tuple[Modes, Array]:
    """The modes with the signs of others, and which of them changed: [K], 1 or -1."""
    signs = agreeing(modes.basis, like.basis).astype(np.float32)
    return Modes(modes.basis * signs, modes.std), signs
