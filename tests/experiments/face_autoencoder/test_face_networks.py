"""Face networks look at MoFA's crops where their own faces would be."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from experiments.face_autoencoder import face_networks
from experiments.face_autoencoder.face_networks import PLACES, network_on_crops, view_of
from experiments.face_autoencoder.model_files import renderer_of
from mofa import face_model_files
from mofa.face_renderer import FaceRenderer
from mofa.photographs import crop_template
from resgn.faces.crops import BOX, FIVE_POINTS
from resgn.target import Target


@pytest.fixture(scope="module")
def renderer() -> FaceRenderer:
    return renderer_of(face_model_files.DEFAULT_PATH, None, 224)


@pytest.mark.parametrize("crop", [FIVE_POINTS, BOX])
def test_landmarks_come_to_where_the_network_wants_them(crop: str, renderer: FaceRenderer) -> None:
    own = crop_template(renderer)
    view = view_of(own, PLACES[crop])
    reached = PLACES[crop] @ view[:, :2].T + view[:, 2]
    # What no affine map does away with is that two mean faces differ in shape.
    apart = np.linalg.norm(own[0] - own[1])
    assert np.linalg.norm(reached - own, axis=-1).max() < 0.1 * apart
    exact = np.float32([[0.5, 0.1, 3.0], [-0.2, 0.4, 7.0]])
    moved = PLACES[crop] @ exact[:, :2].T + exact[:, 2]
    np.testing.assert_allclose(view_of(moved, PLACES[crop]), exact, atol=1e-4)


@pytest.mark.parametrize("crop", [FIVE_POINTS, BOX])
def test_the_network_sees_its_own_crop(
    crop: str, renderer: FaceRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A white dot on the left eye of the crop at hand lies on the left eye of the network's."""
    seen = []

    def prepare(images: tf.Tensor) -> tf.Tensor:
        seen.append(images)
        return images

    toy = Target(
        "toy",
        prepare,
        lambda size: lambda x, training: tf.reduce_mean(x, axis=[1, 2]) + 1e-3,
        160,
        (0.0,),
        crop=crop,
    )
    monkeypatch.setattr(face_networks, "load_target", lambda name, weights: toy)
    embed = network_on_crops("toy", renderer)
    view = view_of(crop_template(renderer), PLACES[crop])
    x, y = np.round(view @ [*PLACES[crop][0], 1.0]).astype(int)
    image = np.zeros((1, 224, 224, 3), np.float32)
    image[0, y - 1 : y + 2, x - 1 : x + 2] = 1.0
    found = embed(tf.constant(image))
    assert seen[-1].shape == (1, 160, 160, 3)
    row, column = np.argwhere(seen[-1][0, ..., 0].numpy() > 0.5).mean(axis=0)
    np.testing.assert_allclose((column, row), PLACES[crop][0], atol=1.5)
    assert float(tf.norm(found)) == pytest.approx(1.0, abs=1e-5)
