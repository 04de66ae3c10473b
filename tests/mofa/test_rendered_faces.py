from __future__ import annotations

import numpy as np
import pytest

from mofa import code as codes
from mofa import rendered_faces
from mofa.face_renderer import Camera, FaceRenderer
from mofa.rendered_faces import RenderedFaces, Settings
from weights.errors import InputError


@pytest.fixture(scope="module")
def renderer(shell):
    return FaceRenderer(shell, Camera(image_size=(24, 24)))


def test_identities_share_shape_and_albedo_and_nothing_else(renderer):
    data = RenderedFaces(renderer, Settings(identities=3, images_per_identity=4))
    assert len(data) == 12
    assert data.codes.shape == (12, 257)
    assert data.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    by_person = data.codes.reshape(3, 4, 257)
    for name, part in codes.SLICES.items():
        spread = np.ptp(by_person[:, :, part], axis=1)
        if name in ("shape", "albedo"):
            assert (spread == 0).all()
            assert (np.ptp(by_person[:, 0, part], axis=0) > 0).all()
        else:
            assert (spread > 0).any(axis=-1).all()


def test_the_seed_decides_and_more_does_not_move_the_first(renderer):
    small = RenderedFaces(renderer, Settings(identities=2, images_per_identity=2, seed=5))
    again = RenderedFaces(renderer, Settings(identities=2, images_per_identity=2, seed=5))
    other = RenderedFaces(renderer, Settings(identities=2, images_per_identity=2, seed=6))
    large = RenderedFaces(renderer, Settings(identities=4, images_per_identity=2, seed=5))
    np.testing.assert_array_equal(small.codes, again.codes)
    np.testing.assert_array_equal(small.images(), again.images())
    assert np.abs(small.codes - other.codes).max() > 0.1
    np.testing.assert_array_equal(small.codes, large.codes[:4])
    np.testing.assert_allclose(small.images(), large.images()[:4], atol=1e-6)


def test_ranges_of_identities_are_other_people(renderer):
    everyone = RenderedFaces(renderer, Settings(identities=4, images_per_identity=2))
    rest = RenderedFaces(renderer, Settings(identities=2, images_per_identity=2, first_identity=2))
    np.testing.assert_array_equal(everyone.codes[4:], rest.codes)
    np.testing.assert_allclose(everyone.images([5]), rest.images([1]), atol=1e-6)
    assert rest.labels.tolist() == [0, 0, 1, 1]


def test_images_have_faces_and_different_backgrounds(renderer):
    data = RenderedFaces(renderer, Settings(identities=2, images_per_identity=2))
    images = data.images()
    assert images.shape == (4, 24, 24, 3)
    assert images.dtype == np.float32
    assert images.min() >= 0.0
    assert images.max() <= 1.0
    mask = renderer.render(data.codes).mask.numpy()[..., 0]
    backs = [image[seen == 0].mean(axis=0) for image, seen in zip(images, mask, strict=True)]
    assert np.abs(np.diff(backs, axis=0)).max() > 0.05
    black = RenderedFaces(
        renderer, Settings(identities=2, images_per_identity=2, background="black")
    ).images()
    np.testing.assert_array_equal(black[mask == 0], 0.0)
    np.testing.assert_allclose(black[mask == 1], images[mask == 1], atol=1e-6)


def test_scales_switch_variation_off(renderer):
    plain = Settings(
        identities=2,
        images_per_identity=3,
        expression_scale=0.0,
        light=0.0,
        pitch=0.0,
        yaw=0.0,
        roll=0.0,
        shift=0.0,
        depth=0.0,
    )
    code = rendered_faces.draw_codes(renderer, plain)
    for name in ("expression", "rotation", "translation", "light"):
        assert (code[:, codes.SLICES[name]] == 0.0).all()


def test_streamed_and_cached_are_the_same_to_eight_bits(renderer, tmp_path):
    data = RenderedFaces(renderer, Settings(identities=3, images_per_identity=3))
    streamed = list(data.dataset(4).as_numpy_iterator())
    assert [len(batch[0]) for batch in streamed] == [4, 4, 1]
    cached = list(data.dataset(4, cache=tmp_path).as_numpy_iterator())
    files = list(tmp_path.iterdir())
    assert [file.suffix for file in files] == [".npy"]
    changed = files[0].stat().st_mtime_ns
    for one, two in zip(streamed, cached, strict=True):
        np.testing.assert_allclose(one[0], two[0], atol=0.5 / 255 + 1e-6)
        np.testing.assert_array_equal(one[1], two[1])
        np.testing.assert_array_equal(one[2], two[2])
    again = RenderedFaces(renderer, Settings(identities=3, images_per_identity=3))
    list(again.dataset(4, cache=tmp_path))
    assert files[0].stat().st_mtime_ns == changed
    # Another seed is another file.
    other = RenderedFaces(renderer, Settings(identities=3, images_per_identity=3, seed=1))
    next(iter(other.dataset(4, cache=tmp_path)))
    assert len(list(tmp_path.iterdir())) == 2


def test_shuffling_keeps_images_labels_and_codes_together(renderer):
    data = RenderedFaces(renderer, Settings(identities=4, images_per_identity=2))
    image, label, code = next(data.dataset(8, shuffle=True).as_numpy_iterator())
    order = [int(np.argmin(np.abs(data.codes - row).sum(axis=1))) for row in code]
    assert sorted(order) == list(range(8))
    assert order != list(range(8))
    np.testing.assert_array_equal(data.labels[order], label)
    np.testing.assert_allclose(data.images(order), image, atol=1e-6)


def test_settings_are_checked():
    with pytest.raises(InputError, match="at least one identity"):
        Settings(identities=0)
    with pytest.raises(InputError, match="noise or black"):
        Settings(background="beach")
