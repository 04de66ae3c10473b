"""The modes of the open face model: principal components of random heads and expressions."""

from __future__ import annotations

import logging

import numpy as np
import scipy.linalg

from mofa.arrays import Array
from mofa.morphable_model import EXPRESSION, IDENTITY, Modes
from mofa.open_face_model.head import RACES, macro_faces
from mofa.open_face_model.makehuman import MakeHuman
from mofa.open_face_model.mesh_region import Region
from mofa.signs import settled

IDENTITY_FOLDERS = (
    *("head", "nose", "mouth", "eyes", "eyebrows", "forehead", "chin", "cheek", "ears", "neck"),
    "asym",
)
AMOUNT = {"asym": 0.1, "neck": 0.2, "ears": 0.22, "eyes": 0.27, "head": 0.22}
"""Standard deviation of the weights of targets, whose limits are -1 and 1; 0.32 elsewhere."""

_LEAST_SKEW = 1e-6
"""In standard deviations cubed: what is less lopsided has no longer tail, only rounding."""

OPPOSITES = {
    "incr": "decr",
    "up": "down",
    "out": "in",
    "forward": "backward",
    "convex": "concave",
    "uncompress": "compress",
}


def identity_modes(
    source: MakeHuman,
    head: Region,
    plain: Array,
    points: Array,
    samples: int,
    rng: np.random.Generator,
) -> Modes:
    """Modes of random heads: a mixture of macro faces and hundreds of local changes."""
    macro = (macro_faces(source) - macro_faces(source).mean(axis=0)).reshape(6, -1, 3)
    columns = [(head.blend @ change).reshape(-1) for change in macro]
    shares = rng.dirichlet(np.full(6, 0.6), samples)
    weights = [shares - 1.0 / 6.0]
    for folder in IDENTITY_FOLDERS:
        amount = AMOUNT.get(folder, 0.32)
        for pair in opposites(source.targets(folder)):
            both = [(head.blend @ source.target(folder, name)).reshape(-1) for name in pair]
            draw = np.clip(rng.normal(scale=amount, size=samples), -1.0, 1.0)
            if len(both) == 1:
                draw = np.maximum(draw, 0.0) - 0.4 * amount
            for side, change in enumerate(both):
                columns.append(change)
                value = draw if len(both) == 1 else np.maximum(draw if side == 0 else -draw, 0.0)
                weights.append(value[:, None])
    weights = [*weights[:1], *tie_sides(source, weights[1:], rng)]
    heads = points.reshape(-1) + np.concatenate(weights, axis=1) @ np.stack(columns)
    heads = align(heads.reshape(samples, -1, 3), points)
    heads -= heads.mean(axis=0)
    return principal(heads.reshape(samples, -1), IDENTITY)


def opposites(names: list[str]) -> list[tuple[str, ...]]:
    """Targets with their opposites: `nose-hump-incr` and `nose-hump-decr`; others alone."""
    pairs: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for name in names:
        stem, _, ending = name.rpartition("-")
        if name in seen:
            continue
        if ending in OPPOSITES and f"{stem}-{OPPOSITES[ending]}" in names:
            pairs.append((name, f"{stem}-{OPPOSITES[ending]}"))
        elif ending in OPPOSITES.values() and any(
            f"{stem}-{key}" in names for key, value in OPPOSITES.items() if value == ending
        ):
            continue
        elif stem.startswith("asym-") and ending == "l" and f"{stem}-r" in names:
            pairs.append((name, f"{stem}-r"))
        elif (
            stem.startswith("asym-") and ending == "r" and f"{stem}-l" in names
        ) or name.startswith("asymm-"):
            continue
        else:
            pairs.append((name,))
        seen.update(pairs[-1])
    return pairs


def tie_sides(source: MakeHuman, weights: list[Array], rng: np.random.Generator) -> list[Array]:
    """Give `r-...` targets the weights of their `l-...` twins, a little apart."""
    names = [
        (folder, name)
        for folder in IDENTITY_FOLDERS
        for pair in opposites(source.targets(folder))
        for name in pair
    ]
    index = {key: number for number, key in enumerate(names)}
    result = list(weights)
    for (folder, name), number in index.items():
        twin = index.get((folder, "l-" + name[2:])) if name.startswith("r-") else None
        if twin is not None:
            apart = rng.normal(scale=0.06, size=weights[twin].shape)
            result[number] = weights[twin] * (1.0 + apart)
    return result


def align(heads: Array, reference: Array) -> Array:
    """Remove position, rotation and scale relative to the reference (Umeyama 1991): [S, V, 3]."""
    centre = reference.mean(axis=0)
    target = reference - centre
    heads = heads - heads.mean(axis=1, keepdims=True)
    left, values, right = np.linalg.svd(np.einsum("svi,vj->sij", heads, target))
    rotation = left @ right
    scale = values.sum(axis=1) / np.einsum("svi,svi->s", heads, heads)
    return scale[:, None, None] * (heads @ rotation) + centre


def expression_modes(
    source: MakeHuman, head: Region, samples: int, rng: np.random.Generator
) -> tuple[Modes, Array]:
    """Modes around the neutral face, and coefficients of plausible expressions."""
    units: dict[str, Array] = {}
    for name in source.face_units():
        if name != "tongueOut":
            units[name] = (head.blend @ source.face_unit(name)).reshape(-1)
    for name in source.targets("expression/units/caucasian"):
        change = [source.target(f"expression/units/{race}", name) for race in RACES]
        units[name] = (head.blend @ np.mean(change, axis=0)).reshape(-1)
    names = list(units)
    # Faces move on both sides together, most units are at rest, and few are at their limit.
    active = rng.random((samples, len(names))) < 0.14
    weights = active * rng.beta(1.3, 1.8, (samples, len(names)))
    for number, name in enumerate(names):
        other = name.replace("Right", "Left").replace("-right", "-left")
        if other != name and other in names:
            together = rng.random(samples) < 0.8
            twin = weights[:, names.index(other)] * rng.normal(1.0, 0.1, samples)
            weights[:, number] = np.where(together, np.maximum(twin, 0.0), weights[:, number])
    weights *= np.array([0.6 if "-" in name else 1.0 for name in names])
    moved = weights @ np.stack([units[name] for name in names])
    modes = principal(moved, EXPRESSION)
    coefficients = moved @ modes.basis / modes.std
    return modes, coefficients[:512].astype(np.float32)


def principal(deviations: Array, count: int, skewed: bool = True) -> Modes:
    """The leading principal components of rows that deviate from zero.

    Args:
      deviations: float [S, D].
      count: K.
      skewed: the rows are samples, whose longer tail becomes the positive one; otherwise their own
        signs mean nothing, and the modes' follow from their span, see `mofa.signs`.
    """
    number = len(deviations)
    gram = deviations @ deviations.T if number < deviations.shape[1] else None
    if gram is None:
        gram = deviations.T @ deviations
    values, vectors = scipy.linalg.eigh(gram, subset_by_index=[len(gram) - count, len(gram) - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    std = np.sqrt(np.maximum(values, 0.0) / number)
    if number < deviations.shape[1]:
        vectors = deviations.T @ vectors / np.sqrt(values)
    vectors = settled(vectors, std)
    if skewed:
        skew = np.mean((deviations @ vectors) ** 3, axis=0)
        vectors = vectors * np.where(skew < -_LEAST_SKEW * std**3, -1.0, 1.0)
    explained = (std**2).sum() * number / (deviations**2).sum()
    logging.info("%d modes explain %.2f %% of the variance", count, 100.0 * explained)
    return Modes(vectors.astype(np.float32), std.astype(np.float32))
