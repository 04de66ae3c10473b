"""A slow, readable rasteriser, which the fast one is tested against.

One triangle after the other over the whole image in float64; same rules, other algorithm: the
weights come from a general 3x3 solve, not from edge functions, and the depth buffer is a comparison
of images. Differentiable by TensorFlow's own rules.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

TOLERANCE = 3e-5
MIN_HEIGHT = 1e-3


def rasterize(
    vertices: tf.Tensor,
    triangles: tf.Tensor,
    attributes: Mapping[str, tf.Tensor],
    view_projection_matrix: tf.Tensor,
    image_size: tuple[int, int],
    enable_cull_face: bool = True,
) -> dict[str, tf.Tensor]:
    """Rasterise one mesh. Arguments and results as in `triangle_rasterizer.rasterize`, no batch.

    Args:
      vertices: [V, 3].
      triangles: [T, 3] int.
      attributes: name to [V, K].
      view_projection_matrix: [4, 4].
      image_size: (height, width).
      enable_cull_face: leave out triangles seen from behind.

    Returns:
      mask [H, W, 1], triangle_indices [H, W, 1], barycentrics [H, W, 3] and attributes [H, W, K],
      float64 apart from the indices.
    """
    height, width = image_size
    vertices = tf.cast(vertices, tf.float64)
    matrix = tf.cast(view_projection_matrix, tf.float64)
    values = {key: tf.cast(value, tf.float64) for key, value in attributes.items()}
    clip = tf.matmul(
        tf.concat((vertices, tf.ones_like(vertices[:, :1])), axis=1), matrix, transpose_b=True
    )
    # Normalised device coordinates of the pixel centres; row 0 is the top.
    x = (2.0 * tf.range(width, dtype=tf.float64) + 1.0) / width - 1.0
    y = 1.0 - (2.0 * tf.range(height, dtype=tf.float64) + 1.0) / height
    grid = tf.stack(
        (*tf.meshgrid(x, y), tf.ones([height, width], tf.float64)), axis=-1
    )  # [H, W, 3]
    half = tf.constant([0.5 * width, 0.5 * height], tf.float64)

    nearest = tf.fill([height, width], tf.constant(float("inf"), tf.float64))
    index = tf.zeros([height, width], tf.int32)
    weights = tf.zeros([height, width, 3], tf.float64)
    images = {
        key: tf.zeros([height, width, value.shape[-1]], tf.float64) for key, value in values.items()
    }
    for number in range(triangles.shape[0]):
        corners = tf.gather(clip, triangles[number])  # [3, 4]
        columns = tf.transpose(tf.gather(corners, [0, 1, 3], axis=1))  # rows x, y, w
        determinant = float(tf.linalg.det(columns))
        if determinant == 0.0 or (enable_cull_face and determinant < 0.0):
            continue
        inverse = tf.linalg.inv(columns)
        raw = tf.linalg.matvec(inverse[None, None], grid)  # [H, W, 3], weights over w
        # Distance of each pixel centre from each edge, in pixels, positive inside.
        slope = tf.reduce_sum(tf.abs(inverse[:, :2]) / half, axis=1)
        heights = 1.0 / (tf.abs(corners[:, 3]) * slope)
        if float(tf.reduce_min(heights)) <= MIN_HEIGHT:
            continue
        inside = tf.reduce_all(raw / slope >= -TOLERANCE, axis=-1)
        raw = tf.maximum(raw, 0.0)
        total = tf.reduce_sum(raw, axis=-1, keepdims=True)
        # A triangle behind the camera has no positive weights; keep its 0 / 0 out of the gradient.
        inside &= total[..., 0] > 0.0
        weight = raw / tf.where(inside[..., None], total, 1.0)
        depth = tf.linalg.matvec(weight, corners[:, 2]) / tf.where(
            inside, tf.linalg.matvec(weight, corners[:, 3]), 1.0
        )
        depth = tf.stop_gradient(depth)
        shown = inside & (depth >= -1.0) & (depth <= 1.0) & (depth < nearest)
        nearest = tf.where(shown, depth, nearest)
        index = tf.where(shown, number, index)
        weights = tf.where(shown[..., None], weight, weights)
        for key, value in values.items():
            colour = tf.matmul(tf.reshape(weight, [-1, 3]), tf.gather(value, triangles[number]))
            images[key] = tf.where(
                shown[..., None], tf.reshape(colour, [height, width, -1]), images[key]
            )
    covered = tf.math.is_finite(nearest)
    return {
        "mask": tf.cast(covered, tf.float64)[..., None],
        "triangle_indices": index[..., None],
        "barycentrics": weights,
        **images,
    }
