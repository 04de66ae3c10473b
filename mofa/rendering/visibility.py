"""Which triangle each pixel shows: a depth buffer in vectorised TensorFlow, without gradient.

Every triangle is cut into the spans of pixels that it covers in each image row, computed in closed
form from its edge functions; only covered pixels become candidates, and one segment-minimum over
(depth, triangle) keys finds the nearest. Coverage: a pixel belongs to a triangle if its centre lies
inside or on an edge (`edges.TOLERANCE`). Of two triangles at equal depth, the one with the lower
index is shown. Triangles seen from behind (when culled), degenerate ones (`edges.MIN_HEIGHT`) and
parts outside the near and far planes, that is with z/w outside [-1, 1], are not drawn.

Memory: with S the sum over images and triangles of rows touched and C the number of covered
(triangle, pixel) pairs (S and C are at most the summed area of the triangles' bounding boxes), a
call needs about
    240 B T + 120 min(S, L) + 72 min(C, L) + 24 B H W    bytes
at its peak, counted from the tensors alive together, where L is `max_candidates`, but at least the
area of one image. Where the bounding boxes add up to more than L the triangles are drawn in several
passes over the same depth buffer, with the same result. Interpolating K channels at P covered
pixels then needs about 12 (9 + 3 K) P bytes, and the gradient as much again.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from mofa.rendering import edges as edge_functions

MAX_CANDIDATES = 1 << 24
"""Default limit of candidates in one pass, 1.2 GB: eight images of 512x512 covered eight times."""


@dataclasses.dataclass(frozen=True)
class Covered:
    """The P covered pixels of a batch of images, in the order of memory.

    Attributes:
      pixel: int32 [P], index into the flattened [B, H, W].
      row: int32 [P].
      column: int32 [P].
      triangle: int32 [P], index into the flattened [B, T].
    """

    pixel: tf.Tensor
    row: tf.Tensor
    column: tf.Tensor
    triangle: tf.Tensor


def nearest_triangle(
    edges: edge_functions.Edges,
    image_size: tuple[int, int],
    enable_cull_face: bool = True,
    max_candidates: int = MAX_CANDIDATES,
) -> Covered:
    """The covered pixels and the triangle nearest to the camera at each.

    Args:
      edges: of B x T triangles.
      image_size: (height, width).
      enable_cull_face: leave out triangles seen from behind.
      max_candidates: how many (triangle, pixel) pairs one pass may hold; changes memory and speed,
        never the result.

    Returns:
      The covered pixels.

    Raises:
      ValueError: the image has no pixels.
    """
    height, width = image_size
    if height < 1 or width < 1:
        raise ValueError(f"image_size must be positive (height, width), got {image_size}")
    shape = tf.shape(edges.determinant)
    batch, count = shape[0], shape[1]
    pixels = batch * height * width

    table, first_row, rows, area = _drawable(edges, image_size, enable_cull_face)
    drawn = tf.cast(tf.where(tf.reshape(rows, [-1]) > 0)[:, 0], tf.int32)
    table = tf.gather(table, drawn)
    first_row = tf.gather(tf.reshape(first_row, [-1]), drawn)
    rows = tf.gather(tf.reshape(rows, [-1]), drawn)
    area = tf.gather(tf.reshape(area, [-1]), drawn)

    # Passes: a triangle belongs to the pass in which the running sum of bounding boxes falls.
    limit = tf.constant(max(max_candidates, height * width), tf.int64)
    passes = tf.math.floordiv(tf.cumsum(tf.cast(area, tf.int64), exclusive=True), limit)
    amount = tf.size(drawn)
    number = tf.cond(amount > 0, lambda: tf.cast(passes[-1], tf.int32) + 1, lambda: 0)
    starts = tf.searchsorted(passes, tf.cast(tf.range(number + 1), tf.int64))

    def draw(index: tf.Tensor, nearest: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        part = slice(starts[index], starts[index + 1])
        pixel, key = _candidates(
            table[part], first_row[part], rows[part], drawn[part], count, image_size
        )
        return index + 1, tf.minimum(nearest, tf.math.unsorted_segment_min(key, pixel, pixels))

    empty = tf.int64.max
    _, nearest = tf.while_loop(
        lambda index, _: index < number,
        draw,
        (tf.constant(0), tf.fill([pixels], tf.constant(empty, tf.int64))),
        parallel_iterations=1,
    )
    nearest = tf.reshape(nearest, [batch, height, width])
    covered = tf.cast(tf.where(nearest < empty), tf.int32)
    pixel = (covered[:, 0] * height + covered[:, 1]) * width + covered[:, 2]
    key = tf.gather(tf.reshape(nearest, [-1]), pixel)
    triangle = tf.cast(tf.bitwise.bitwise_and(key, 0xFFFFFFFF), tf.int32)
    return Covered(pixel=pixel, row=covered[:, 1], column=covered[:, 2], triangle=triangle)


def _drawable(
    edges: edge_functions.Edges, image_size: tuple[int, int], enable_cull_face: bool
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Per triangle: coefficients [B T, 12], first row, number of rows and box area, each [B, T]."""
    height, width = image_size
    det = edges.determinant
    sign = tf.ones_like(det) if enable_cull_face else tf.sign(det)
    w = edges.corner_w
    front = [w[k] > 0.0 for k in range(3)]
    all_front = front[0] & front[1] & front[2]
    any_front = front[0] | front[1] | front[2]
    inverse = [tf.where(front[k], 1.0 / tf.where(front[k], w[k], 1.0), 0.0) for k in range(3)]

    # Distance of corner k from the opposite edge, in pixels: (det / w_k) / |gradient of lambda_k|.
    det = det * sign
    proper = det > 0.0
    dilation = []
    for k in range(3):
        slope = tf.abs(edges.x[k]) + tf.abs(edges.y[k])
        proper &= det > edge_functions.MIN_HEIGHT * tf.abs(w[k]) * slope
        dilation.append(edge_functions.TOLERANCE * slope)

    def bounds(corner: tuple[tf.Tensor, ...], size: int) -> tuple[tf.Tensor, tf.Tensor]:
        places = [corner[k] * inverse[k] for k in range(3)]
        low = tf.minimum(places[0], tf.minimum(places[1], places[2]))
        high = tf.maximum(places[0], tf.maximum(places[1], places[2]))
        # A triangle that crosses the camera plane may reach any row and column.
        low = tf.where(all_front, tf.math.ceil(low - edge_functions.TOLERANCE), 0.0)
        high = tf.where(all_front, tf.math.floor(high + edge_functions.TOLERANCE), size - 1.0)
        # Clipped to one beyond the image, so that the integers below cannot overflow.
        low = tf.clip_by_value(low, 0.0, float(size))
        high = tf.clip_by_value(high, -1.0, size - 1.0)
        return tf.cast(low, tf.int32), tf.cast(high, tf.int32)

    first_row, last_row = bounds(edges.corner_y, height)
    first_column, last_column = bounds(edges.corner_x, width)
    columns = tf.maximum(last_column - first_column + 1, 0)
    rows = tf.maximum(last_row - first_row + 1, 0)
    rows = tf.where(proper & any_front & (columns > 0), rows, 0)
    area = rows * columns

    # z/w is affine on the screen; measured from the first corner it keeps its digits.
    base = edges.corner_z[0] * inverse[0]
    over = tf.where(det > 0.0, sign / tf.where(det > 0.0, det, 1.0), 0.0)
    rest = [edges.corner_z[k] - base * w[k] for k in range(3)]
    depth = [
        tf.add_n([rest[k] * part[k] for k in range(3)]) * over
        for part in (edges.x, edges.y, edges.constant)
    ]
    depth[2] += base
    # Stacked along the first axis and turned: half the time of stacking along the last one.
    columns = tf.stack(
        [tf.reshape(edges.x[k] * sign, [-1]) for k in range(3)]
        + [tf.reshape(edges.y[k] * sign, [-1]) for k in range(3)]
        + [tf.reshape(edges.constant[k] * sign + dilation[k], [-1]) for k in range(3)]
        + [tf.reshape(part, [-1]) for part in depth]
    )
    return tf.transpose(columns), first_row, rows, area


def _candidates(
    table: tf.Tensor,
    first_row: tf.Tensor,
    rows: tf.Tensor,
    triangle: tf.Tensor,
    count: tf.Tensor,
    image_size: tuple[int, int],
) -> tuple[tf.Tensor, tf.Tensor]:
    """All (pixel, key) pairs of some triangles: int32 [C], int64 [C].

    The key orders by depth and then by triangle: non-negative floats order as their bits do.
    """
    height, width = image_size
    # Rows. A ragged range over owner * 2^16 + row says both numbers in one kernel.
    owner, row = _expand(first_row, first_row + rows)
    y = tf.cast(row, tf.float32)
    columns = tf.unstack(tf.transpose(tf.gather(table, owner)), num=12)
    low = tf.zeros_like(y)
    high = tf.fill(tf.shape(y), width - 1.0)
    for k in range(3):
        slope = columns[k]
        value = columns[3 + k] * y + columns[6 + k]
        # Clipped before rounding: a crossing far outside the image is as good as one just outside.
        # Where the edge runs along the row, 0 / 0 or a signed infinity: dealt with by `flat`.
        crossing = tf.clip_by_value(-value / slope, -1.0, float(width))
        low = tf.where(slope > 0.0, tf.maximum(low, tf.math.ceil(crossing)), low)
        high = tf.where(slope < 0.0, tf.minimum(high, tf.math.floor(crossing)), high)
        flat_outside = tf.equal(slope, 0.0) & (value < 0.0)
        high = tf.where(flat_outside, -1.0, high)
    first = tf.cast(low, tf.int32)
    span, column = _expand(first, tf.maximum(tf.cast(high, tf.int32) + 1, first))

    # Pixels. One gather of rows of four words, whatever their type.
    owners = tf.gather(tf.stack((tf.math.floordiv(triangle, count) * height, triangle), 1), owner)
    words = tf.stack(
        (
            (owners[:, 0] + row) * width,
            owners[:, 1],
            tf.bitcast(columns[9], tf.int32),
            tf.bitcast(columns[10] * y + columns[11], tf.int32),
        )
    )
    start, shown, slope, value = tf.unstack(
        tf.transpose(tf.gather(tf.transpose(words), span)), num=4
    )
    depth = tf.bitcast(slope, tf.float32) * tf.cast(column, tf.float32)
    depth += tf.bitcast(value, tf.float32)
    # Adding 0 turns -0, whose bits are negative, into 0.
    bits = tf.cast(tf.bitcast(tf.maximum(depth + 1.0, 0.0) + 0.0, tf.int32), tf.int64)
    key = tf.bitwise.left_shift(bits, tf.constant(32, tf.int64)) + tf.cast(shown, tf.int64)
    key = tf.where(tf.abs(depth) <= 1.0, key, tf.int64.max)
    return start + column, key


def _expand(starts: tf.Tensor, limits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """All (i, n) with starts[i] <= n < limits[i], in order: int32 [N], int32 [N]."""
    base = tf.cast(tf.range(tf.size(starts)), tf.int64) * (1 << 16)
    both = tf.raw_ops.RaggedRange(
        starts=base + tf.cast(starts, tf.int64),
        limits=base + tf.cast(limits, tf.int64),
        deltas=tf.constant(1, tf.int64),
    ).rt_dense_values
    return (
        tf.cast(tf.bitwise.right_shift(both, tf.constant(16, tf.int64)), tf.int32),
        tf.cast(tf.bitwise.bitwise_and(both, tf.constant(0xFFFF, tf.int64)), tf.int32),
    )
