"""Albedo learned from photographs: the mean colour and the modes that real faces ask for.

The open face model's own albedo is a prior of skin that no photograph has shaped, and it cannot
draw hair on a forehead, beards, glasses or made-up lips. Here an encoder says where each vertex
lies in many photographs; the colours there, divided by the light, are analysed into principal
components. A vertex that a photograph hides is filled with what the components say of it, in turns
with the analysis (iterated low-rank approximation).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from mofa.arrays import Array
from mofa.morphable_model import ALBEDO, MorphableModel, orthonormal
from mofa.seen_colours import SeenColours, shading

_DARKEST_LIGHT = 0.15
"""Shading below which a colour says too little of the albedo."""
_LEAST_FACING = 0.15
"""Cosine below which a vertex is seen too slantwise to count."""
_BRIGHTEST = 1.6
_ROUNDS = 4
_REACH = 40.0
"""How far the face's colours reach into what no photograph shows, mm."""


@dataclasses.dataclass(frozen=True, eq=False)
class LearnedAlbedo:
    """Albedo at P vertices.

    Attributes:
      mean: float32 [P, 3].
      factor: float32 [3 P, K]; albedo is mean + factor @ N(0, 1).
      explained: share of the variance of what was seen.
    """

    mean: Array
    factor: Array
    explained: float

    def __repr__(self) -> str:
        """How much it explains, not its numbers."""
        modes = self.factor.shape[1]
        return f"<albedo at {len(self.mean)} vertices, {modes} modes for {self.explained:.1%}>"


def learn(seen: SeenColours, start: Array, area: Array, seed: int = 0) -> LearnedAlbedo:
    """Learn mean and modes of the albedo.

    Args:
      seen: colours of photographs at P vertices.
      start: float [P, 3], a first guess of the mean, which decides how bright skin is.
      area: float [P], how much each vertex counts.
      seed: of the random projections of the analysis.

    Returns:
      Mean and 80 modes, or as many as photographs.
    """
    mean = np.asarray(start, np.float32)
    for _ in range(2):
        mean = _mean_albedo(seen, mean, area)
    scale = np.repeat(np.sqrt(area / area.mean()), 3).astype(np.float32)
    known = np.repeat(seen.facing > _LEAST_FACING, 3, axis=1)
    data = np.zeros(known.shape, np.float32)
    for rows, shade in shading(seen, mean, area):
        deviation = _albedo(seen.colours[rows], shade) - mean
        data[rows] = deviation.reshape(len(deviation), -1) * scale
    data[~known] = 0.0
    rng = np.random.default_rng(seed)
    count = min(ALBEDO, *data.shape)
    for _ in range(_ROUNDS):
        std, modes = leading_components(data, count, rng)
        guess = (data @ modes.T) @ modes
        left = float(np.sum(np.square(data - guess)[known]))
        explained = 1.0 - left / float(np.sum(np.square(data[known])))
        data[~known] = guess[~known]
    factor = (modes / scale).T * std
    return LearnedAlbedo(mean, factor.astype(np.float32), explained)


def _mean_albedo(seen: SeenColours, mean: Array, area: Array) -> Array:
    total, weight = np.zeros_like(mean), np.zeros([len(mean), 1], np.float32)
    for rows, shade in shading(seen, mean, area):
        facing = seen.facing[rows].astype(np.float32)[..., None]
        total += (facing * _albedo(seen.colours[rows], shade)).sum(axis=0)
        weight += facing.sum(axis=0)
    found = np.where(weight > 0.0, total / np.maximum(weight, 1e-6), mean)
    return np.clip(found, 0.0, 1.0).astype(np.float32)


def _albedo(colours: Array, shade: Array) -> Array:
    albedo = colours.astype(np.float32) / 255.0 / np.maximum(shade, _DARKEST_LIGHT)
    return np.minimum(albedo, _BRIGHTEST)


def leading_components(data: Array, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """The leading principal components of rows that deviate from zero, by random projection.

    Args:
      data: float32 [N, D].
      count: K.
      rng: of the projection.

    Returns:
      Standard deviations float32 [K], descending, and orthonormal components float32 [K, D].
    """
    width = min(count + 20, *data.shape)
    basis = rng.standard_normal((data.shape[1], width)).astype(np.float32)
    for _ in range(3):
        basis, _ = np.linalg.qr(data.T @ (data @ basis))
    _, values, turned = np.linalg.svd(data @ basis, full_matrices=False)
    return values[:count] / np.sqrt(len(data)), (turned @ basis.T)[:count]


def put_on(
    model: MorphableModel, vertices: Array, learned: LearnedAlbedo, name: str
) -> MorphableModel:
    """A morphable model with the learned albedo in place of its own.

    What no photograph shows keeps the model's own mean; changes of the face's colour die away
    into it, so that no edge is seen.

    Args:
      model: gives geometry and the rest of the albedo.
      vertices: int [P], where the learned albedo belongs.
      learned: at these vertices.
      name: of the result.

    Returns:
      The model.
    """
    change = (learned.mean - model.mean_albedo[vertices])[:, :, None]
    modes = learned.factor.reshape(len(vertices), 3, -1)
    known = np.concatenate((change, modes), axis=2).reshape(len(vertices), -1)
    both = dying_away(model, vertices, known).reshape(len(model.mean_albedo), 3, -1)
    mean = np.clip(model.mean_albedo + both[:, :, 0], 0.0, 1.0)
    return dataclasses.replace(
        model,
        name=name,
        mean_albedo=mean.astype(np.float32),
        albedo=orthonormal(both[:, :, 1:].reshape(3 * len(mean), -1), ALBEDO),
    )


def dying_away(model: MorphableModel, vertices: Array, values: Array) -> Array:
    """Values on part of a mesh continued over the rest: smooth, and zero far away.

    Solves (Laplacian - 1 / reach^2) u = 0 on the other vertices, on the graph of edges.

    Args:
      model: its mean shape and triangles.
      vertices: int [P], where the values are known; they stay as they are.
      values: float [P, D].

    Returns:
      float64 [V, D].
    """
    count = len(model.mean_shape)
    corners = np.asarray(model.triangles)
    ends = np.concatenate((corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]))
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    lengths = np.linalg.norm(model.mean_shape[ends[:, 0]] - model.mean_shape[ends[:, 1]], axis=1)
    ones = np.ones(len(ends))
    graph = scipy.sparse.coo_matrix((ones, (ends[:, 0], ends[:, 1])), (count, count))
    graph = (graph + graph.T).tocsr()
    degree = np.asarray(graph.sum(axis=1)).reshape(-1)
    # A mean over neighbours at distance e is u + (e^2 / 4) times the Laplacian of u.
    leak = np.mean(lengths) ** 2 / (4.0 * _REACH**2)
    equation = (scipy.sparse.diags(degree * (1.0 + leak)) - graph).tocsr()
    result = np.zeros([count, values.shape[1]])
    result[vertices] = values
    free = np.setdiff1d(np.arange(count), vertices)
    right = -(equation[free][:, vertices] @ values)
    result[free] = scipy.sparse.linalg.splu(equation[free][:, free].tocsc()).solve(right)
    return result
