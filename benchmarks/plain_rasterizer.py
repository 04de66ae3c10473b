"""The yardstick of the renderer: the plain vectorised rasteriser that comes to mind first.

Every triangle's bounding box is expanded to candidate pixels, one segment-minimum over (depth,
triangle) keys is the depth buffer, and attributes are interpolated for the winners only. It draws
what `mofa.rendering.triangle_rasterizer` draws, for meshes wholly in front of the camera.
"""

from __future__ import annotations

import tensorflow as tf

from mofa.rendering import edges as edge_functions


def rasterize(
    vertices: tf.Tensor,
    triangles: tf.Tensor,
    attribute: tf.Tensor,
    view_projection_matrix: tf.Tensor,
    image_size: tuple[int, int],
) -> tf.Tensor:
    """Draw one attribute.

    Args:
      vertices: float32 [B, V, 3].
      triangles: int32 [T, 3].
      attribute: float32 [B, V, K].
      view_projection_matrix: float32 [B, 4, 4].
      image_size: (height, width).

    Returns:
      float32 [B, H, W, K], 0 in the background.
    """
    height, width = image_size
    batch, count = tf.shape(vertices)[0], tf.shape(triangles)[0]
    clip = tf.matmul(
        tf.concat((vertices, tf.ones_like(vertices[..., :1])), -1),
        view_projection_matrix,
        transpose_b=True,
    )
    edges = edge_functions.from_clip_space(clip, triangles, image_size)
    owner, row, column = _bounding_boxes(edges, image_size)

    places = tf.stack((tf.cast(column, tf.float32), tf.cast(row, tf.float32)), -1)
    raw, depth = _weights(edges, owner, places)
    inside = tf.reduce_all(raw >= 0.0, -1)
    pixel = (owner // count * height + row) * width + column
    bits = tf.cast(tf.bitcast(depth + 1.0, tf.int32), tf.int64)
    key = tf.bitwise.left_shift(bits, tf.constant(32, tf.int64)) + tf.cast(owner, tf.int64)
    key = tf.where(inside & (tf.abs(depth) <= 1.0), key, tf.int64.max)
    nearest = tf.math.unsorted_segment_min(key, pixel, batch * height * width)

    shown = tf.cast(tf.where(nearest < tf.int64.max)[:, 0], tf.int32)
    winner = tf.cast(tf.bitwise.bitwise_and(tf.gather(nearest, shown), 0xFFFFFFFF), tf.int32)
    places = tf.cast(tf.stack((shown % width, shown // width % height), -1), tf.float32)
    raw, _ = _weights(edges, winner, places)
    weights = raw / tf.reduce_sum(raw, -1, keepdims=True)
    corners = (
        tf.gather(triangles, winner % count) + (winner // count * tf.shape(vertices)[1])[:, None]
    )
    values = tf.gather(tf.reshape(attribute, [-1, attribute.shape[-1]]), corners)
    shaded = tf.reduce_sum(weights[..., None] * values, 1)
    image = tf.scatter_nd(shown[:, None], shaded, [batch * height * width, attribute.shape[-1]])
    return tf.reshape(image, [batch, height, width, attribute.shape[-1]])


def _bounding_boxes(
    edges: edge_functions.Edges, image_size: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """All (triangle, row, column) inside the boxes of front faces, int32 [C] each."""
    height, width = image_size

    def bounds(corner: tuple[tf.Tensor, ...], size: int) -> tuple[tf.Tensor, tf.Tensor]:
        places = tf.stack([part / w for part, w in zip(corner, edges.corner_w, strict=True)])
        low = tf.clip_by_value(tf.math.ceil(tf.reduce_min(places, 0)), 0.0, size)
        high = tf.clip_by_value(tf.math.floor(tf.reduce_max(places, 0)), -1.0, size - 1.0)
        return tf.cast(tf.reshape(low, [-1]), tf.int32), tf.cast(tf.reshape(high, [-1]), tf.int32)

    top, bottom = bounds(edges.corner_y, height)
    left, right = bounds(edges.corner_x, width)
    columns = tf.maximum(right - left + 1, 0)
    area = tf.maximum(bottom - top + 1, 0) * columns
    area = tf.where(tf.reshape(edges.determinant, [-1]) > 0.0, area, 0)
    owner = tf.repeat(tf.range(tf.size(area)), area)
    number = tf.range(tf.size(owner)) - tf.gather(tf.cumsum(area, exclusive=True), owner)
    across = tf.gather(columns, owner)
    return owner, tf.gather(top, owner) + number // across, tf.gather(left, owner) + number % across


def _weights(
    edges: edge_functions.Edges, owner: tf.Tensor, places: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Unscaled barycentric weights [C, 3] and depth z / w [C] of triangles at (x, y) [C, 2]."""

    def of(parts: tuple[tf.Tensor, ...]) -> tf.Tensor:
        flat = tf.stack([tf.reshape(part, [-1]) for part in parts], -1)
        return tf.gather(flat, owner)

    raw = of(edges.x) * places[:, :1] + of(edges.y) * places[:, 1:] + of(edges.constant)
    depth = tf.reduce_sum(raw * of(edges.corner_z), -1)
    return raw, depth / tf.reduce_sum(raw * of(edges.corner_w), -1)
