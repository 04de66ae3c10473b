"""Edge functions of projected triangles in homogeneous coordinates.

With the corners of a triangle as the columns (X_k, Y_k, W_k) of a matrix M, where (X/W, Y/W) is the
place in pixels, the rows E_k of adj(M) are affine functions of a pixel p = (x, y, 1):
    lambda_k = E_k . p,    barycentric_k = lambda_k / (lambda_0 + lambda_1 + lambda_2)
are the perspective-correct weights, all three positive inside a triangle that faces the camera.
Nothing is divided by W, so triangles that cross the camera plane need no clipping (Olano and Greer
1997, "Triangle Scan Conversion using 2D Homogeneous Coordinates").
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

TOLERANCE = 3e-5
"""In pixels: a pixel centre this near to an edge counts as inside, so that rounding leaves no gap
between neighbours."""

MIN_HEIGHT = 1e-3
"""In pixels: a triangle flatter than this is degenerate and not drawn."""


@dataclasses.dataclass(frozen=True)
class Edges:
    """Edge functions of B x T triangles, one tensor [B, T] for each number.

    Attributes:
      x, y, constant: for each corner k, E_k = (x[k], y[k], constant[k]).
      determinant: det(M); positive where the corners go counter-clockwise on the screen, with y up.
      corner_x, corner_y, corner_z, corner_w: the corners, x and y in pixels times w (from the
        centre of the top left pixel, y down), z and w in clip space.
    """

    x: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    y: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    constant: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    determinant: tf.Tensor
    corner_x: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    corner_y: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    corner_z: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    corner_w: tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def from_clip_space(
    clip_vertices: tf.Tensor, triangles: tf.Tensor, image_size: tuple[int, int]
) -> Edges:
    """Edge functions of all triangles; a polynomial in the vertices, so its gradient is finite.

    Args:
      clip_vertices: [B, V, 4] float32, in clip space.
      triangles: [T, 3] int32.
      image_size: (height, width).

    Returns:
      The edge functions; the corners' order is kept, `y` of the image points down.
    """
    height, width = image_size
    shape = tf.shape(clip_vertices)
    batch, count = shape[0], shape[1]
    x, y, z, w = tf.unstack(clip_vertices, axis=-1)
    screen = tf.stack(
        (
            x * (0.5 * width) + w * (0.5 * width - 0.5),
            w * (0.5 * height - 0.5) - y * (0.5 * height),
            z,
            w,
        ),
        axis=-1,
    )
    # One gather of rows of four numbers over the flattened batch: three times as fast as along
    # axis 1, and so is its gradient.
    index = tf.range(batch)[:, None, None] * count + triangles[None]
    corners = tf.gather(tf.reshape(screen, [-1, 4]), tf.reshape(index, [-1]))
    planes = tf.reshape(
        tf.transpose(tf.reshape(corners, [-1, 12])), [12, batch, tf.shape(triangles)[0]]
    )
    # Unstacked, not sliced: the gradient of twelve slices would be twelve padded copies.
    numbers = tf.unstack(planes, num=12)
    cx, cy, cz, cw = (tuple(numbers[part::4]) for part in range(4))

    # Differences of large products lose digits; measured from a pixel near the triangle they are
    # small. The anchor is algebraically irrelevant, hence the stopped gradient.
    visible = cw[0] > 0.0
    inverse = tf.where(visible, 1.0 / tf.where(visible, cw[0], 1.0), 0.0)
    anchor_x = tf.stop_gradient(tf.clip_by_value(tf.round(cx[0] * inverse), 0.0, width))
    anchor_y = tf.stop_gradient(tf.clip_by_value(tf.round(cy[0] * inverse), 0.0, height))
    ax = [cx[k] - anchor_x * cw[k] for k in range(3)]
    ay = [cy[k] - anchor_y * cw[k] for k in range(3)]

    edge_x, edge_y, edge_c, anchored = [], [], [], []
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        # Minus the textbook's adjugate: with y down, counter-clockwise corners give a negative one.
        along_x = ay[j] * cw[i] - ay[i] * cw[j]
        along_y = ax[i] * cw[j] - ax[j] * cw[i]
        constant = ax[j] * ay[i] - ax[i] * ay[j]
        edge_x.append(along_x)
        edge_y.append(along_y)
        anchored.append(constant)
        edge_c.append(constant - along_x * anchor_x - along_y * anchor_y)
    determinant = ax[0] * edge_x[0] + ay[0] * edge_y[0] + cw[0] * anchored[0]
    return Edges(
        x=tuple(edge_x),
        y=tuple(edge_y),
        constant=tuple(edge_c),
        determinant=determinant,
        corner_x=cx,
        corner_y=cy,
        corner_z=cz,
        corner_w=cw,
    )
