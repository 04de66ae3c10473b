"""Face networks of `resgn` that look at MoFA's crops: a second judge, and a teacher of identity.

They were trained on crops of their own. MoFA's crops have the landmarks of a face in one place, so
that one fixed affine map brings any of them to where a network wants its faces.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.photographs import crop_template
from resgn.faces.crops import BOX, FIVE_POINTS
from resgn.faces.template import FACE_TEMPLATE
from resgn.target import CROP_SIZE, load_target
from resgn.warp import warp

PLACES: dict[str, Array] = {
    FIVE_POINTS: FACE_TEMPLATE,
    # Means over LFW; the box is stretched to a square.
    BOX: np.array(
        [(52.8, 66.1), (106.9, 65.2), (80.6, 90.8), (57.1, 112.9), (105.5, 112.0)], np.float32
    ),
}
"""Where the five landmarks lie in each crop of `resgn.faces.crops`, pixels of 160."""


def network_on_crops(
    name: str,
    renderer: FaceRenderer,
    weights: str | os.PathLike[str] | None = None,
    dtype: str = "float32",
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A face network as a differentiable function of MoFA's crops.

    Args:
      name: of `resgn.target.TARGETS`.
      renderer: whose camera says where a face lies in the crops, and how large they are.
      weights: of the network; those of the installation if None.
      dtype: of its arithmetic, see `Target.computing_in`.

    Returns:
      From float32 [N, S, S, 3] in [0, 1] to unit embeddings float32 [N, D].

    Raises:
      InputError: unknown name, missing weights, or a face model without landmarks.
    """
    target = load_target(name, weights).computing_in(dtype)
    view = tf.constant(view_of(crop_template(renderer), PLACES[target.crop])[None])

    def embed(images: tf.Tensor) -> tf.Tensor:
        views = tf.tile(view, [tf.shape(images)[0], 1, 1])
        return target(warp(images, views, CROP_SIZE))

    # Its variables are made here, and not within whatever is compiled or distributed later.
    embed(tf.zeros([1, *renderer.camera.image_size, 3]))
    return embed


def view_of(own: Array, wanted: Array) -> Array:
    """The affine map under which one set of landmarks comes nearest to another.

    Args:
      own: [5, 2], (x, y) in the crops at hand.
      wanted: [5, 2], in the crops that are wanted.

    Returns:
      float32 [2, 3], from (x, y, 1) in the crop that is wanted to (x, y) in the one at hand: what
      `resgn.warp.warp` takes.
    """
    rows = np.concatenate([np.asarray(wanted, np.float64), np.ones([5, 1])], axis=1)
    found = np.linalg.lstsq(rows, np.asarray(own, np.float64), rcond=None)[0]
    return np.asarray(found.T, np.float32)
