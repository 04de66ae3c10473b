"""The rasteriser: meshes with vertex attributes to images of those attributes.

The gradient runs through the visible geometry and the attributes, not through visibility: each
pixel keeps the triangle it shows, while its barycentric weights follow the vertices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from mofa.rendering import edges as edge_functions
from mofa.rendering import shapes, visibility


# No Python control flow depends on tensors, and converting it all costs seconds of tracing.
@tf.autograph.experimental.do_not_convert
def rasterize(
    vertices: tf.Tensor,
    triangles: tf.Tensor,
    attributes: Mapping[str, tf.Tensor],
    view_projection_matrix: tf.Tensor,
    image_size: tuple[int, int],
    enable_cull_face: bool = True,
    max_candidates: int = visibility.MAX_CANDIDATES,
    name: str = "triangle_rasterizer_rasterize",
) -> dict[str, tf.Tensor]:
    """Rasterise a batch of meshes that share their triangles.

    The names of TensorFlow Graphics, with two differences: row 0 is the top of the image, and
    nothing is compiled. What is drawn, how ties are decided and the memory needed stand in
    `visibility`; unused outputs cost nothing inside a `tf.function`.

    Args:
      vertices: [A1, ..., An, V, 3] float32.
      triangles: [T, 3] int32; the corners of a front face go counter-clockwise.
      attributes: name to [A1, ..., An, V, K] float32; K may differ between attributes.
      view_projection_matrix: [A1, ..., An, 4, 4], from the space of `vertices` to clip space.
      image_size: (height, width).
      enable_cull_face: leave out triangles seen from behind.
      max_candidates: limit of memory, see `visibility`; more work is done in several passes.
      name: name of the operation.

    Returns:
      A dictionary of
        mask: float32 [A1, ..., An, H, W, 1], 1 where a triangle is seen;
        triangle_indices: int32 [A1, ..., An, H, W, 1], 0 in the background;
        barycentrics: float32 [A1, ..., An, H, W, 3], 0 in the background;
        for every attribute, float32 [A1, ..., An, H, W, K], 0 in the background.

    Raises:
      ValueError: shapes do not fit, or an attribute has the name of another output.
    """
    with tf.name_scope(name):
        vertices = tf.convert_to_tensor(vertices, dtype=tf.float32)
        triangles = tf.convert_to_tensor(triangles, dtype_hint=tf.int32)
        matrix = tf.convert_to_tensor(view_projection_matrix, dtype=tf.float32)
        attributes = {
            key: tf.convert_to_tensor(value, dtype=tf.float32) for key, value in attributes.items()
        }
        shapes.check("vertices", vertices, [None, 3])
        shapes.check("triangles", triangles, [3])
        shapes.check("view_projection_matrix", matrix, [4, 4])
        tensors = {"vertices": vertices, "view_projection_matrix": matrix}
        for key, value in attributes.items():
            if key in ("mask", "triangle_indices", "barycentrics"):
                raise ValueError(f"an attribute must not be called {key!r}, an output is")
            shapes.check(f"attributes[{key!r}]", value, [vertices.shape[-2], None])
            tensors[f"attributes[{key!r}]"] = value
        shapes.check_batch(tensors, dict.fromkeys(tensors, 2))

        batch_shape = tf.shape(vertices)[:-2]
        flat = _flatten_batch(vertices)
        ones = tf.ones_like(flat[..., :1])
        clip = tf.matmul(tf.concat((flat, ones), axis=-1), _flatten_batch(matrix), transpose_b=True)
        values = (
            tf.concat([_flatten_batch(value) for value in attributes.values()], axis=-1)
            if attributes
            else tf.zeros_like(flat[..., :0])
        )
        edges = edge_functions.from_clip_space(clip, tf.cast(triangles, tf.int32), image_size)
        covered = visibility.nearest_triangle(edges, image_size, enable_cull_face, max_candidates)
        weights, shaded = _interpolate(edges, values, triangles, covered)

        height, width = image_size
        batch = tf.shape(flat)[0]
        count = tf.shape(triangles)[0]

        def image(rows: tf.Tensor) -> tf.Tensor:
            """Rows [P, K] of the covered pixels to an image [A1, ..., An, H, W, K]."""
            total = batch * height * width
            spread = _scatter(rows, covered.pixel, total)
            shape = tf.concat((batch_shape, [height, width, tf.shape(rows)[-1]]), axis=0)
            result = tf.reshape(spread, shape)
            result.set_shape([*vertices.shape[:-2], height, width, rows.shape[-1]])
            return result

        index = tf.math.floormod(covered.triangle, tf.maximum(count, 1))
        result = {
            "mask": image(tf.ones([tf.size(covered.pixel), 1])),
            "triangle_indices": image(index[:, None]),
            "barycentrics": image(weights),
        }
        sizes = [value.shape[-1] for value in attributes.values()]
        parts = tf.split(shaded, sizes, axis=-1) if sizes else []
        result.update({key: image(part) for key, part in zip(attributes, parts, strict=True)})
        return result


def _scatter(rows: tf.Tensor, places: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
    """[P, K] into [total, K] at distinct places; half the time of `tf.scatter_nd`."""

    @tf.custom_gradient
    def scatter(rows: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        spread = tf.math.unsorted_segment_sum(rows, places, total)
        return spread, lambda upstream: tf.gather(upstream, places)

    return scatter(rows)


def _flatten_batch(tensor: tf.Tensor) -> tf.Tensor:
    """[A1, ..., An, R, C] to [B, R, C]."""
    return tf.reshape(tensor, tf.concat(([-1], tf.shape(tensor)[-2:]), axis=0))


def _interpolate(
    edges: edge_functions.Edges,
    values: tf.Tensor,
    triangles: tf.Tensor,
    covered: visibility.Covered,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Barycentric weights [P, 3] and attributes [P, K] at the covered pixels, differentiable."""
    batch, count, channels = values.shape[0], values.shape[1], values.shape[2]
    batch = tf.shape(values)[0] if batch is None else batch
    count = tf.shape(values)[1] if count is None else count
    index = tf.range(batch)[:, None, None] * count + triangles[None]
    corners = tf.gather(tf.reshape(values, [-1, channels]), tf.reshape(index, [-1]))
    table = tf.concat(
        [
            tf.transpose(
                tf.stack([tf.reshape(part, [-1]) for part in (*edges.x, *edges.y, *edges.constant)])
            ),
            tf.reshape(corners, [batch * tf.shape(triangles)[0], 3 * channels]),
        ],
        axis=-1,
    )
    # From here on a quantity is one long row: [1 or K, P] instead of [P, 1 or K].
    planes = tf.transpose(tf.gather(table, covered.triangle))
    planes.set_shape([9 + 3 * channels, None])
    x = tf.cast(covered.column, tf.float32)
    y = tf.cast(covered.row, tf.float32)
    along_x, along_y, constant, corner = tf.split(planes, [3, 3, 3, 3 * channels])
    raw = along_x * x + along_y * y + constant
    # All weights have the determinant's sign. A centre within the tolerance outside an edge gets
    # the edge's own weights.
    total = tf.reduce_sum(raw, axis=0, keepdims=True)
    clamped = tf.where(raw * tf.sign(total) > 0.0, raw, 0.0)
    weights = clamped / tf.reduce_sum(clamped, axis=0, keepdims=True)
    corner = tf.reshape(corner, [3, channels, tf.shape(planes)[1]])
    shaded = tf.reduce_sum(weights[:, None, :] * corner, axis=0)
    return tf.transpose(weights), tf.transpose(shaded)
