from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mofa.open_face_model import albedo_prior


@pytest.fixture
def points(rng):
    half = rng.uniform(5.0, 70.0, (40, 3))
    return np.concatenate((half, half * [-1, 1, 1]))


@pytest.fixture
def bare(points):
    zero = np.zeros(len(points))
    names = [field.name for field in dataclasses.fields(albedo_prior.Parts)]
    return albedo_prior.Parts(**{**dict.fromkeys(names, zero), "light": zero + 1.0})


def test_bare_skin_in_the_open_has_the_colour_of_skin(bare):
    np.testing.assert_allclose(
        albedo_prior.mean(bare), np.tile(albedo_prior.SKIN, (len(bare.lips), 1))
    )


def test_parts_have_their_colours(bare):
    one = np.ones(len(bare.lips))
    teeth = albedo_prior.mean(dataclasses.replace(bare, teeth=one))[0]
    pupil = albedo_prior.mean(dataclasses.replace(bare, pupil=one))[0]
    lips = albedo_prior.mean(dataclasses.replace(bare, lips=one))[0]
    assert teeth.min() > 0.7
    assert pupil.max() < 0.1
    assert lips[0] / lips[1] > albedo_prior.SKIN[0] / albedo_prior.SKIN[1]
    # In the dark everything is darker, by at most 0.55.
    dark = albedo_prior.mean(dataclasses.replace(bare, light=0.0 * one))
    np.testing.assert_allclose(dark, 0.45 * np.tile(albedo_prior.SKIN, (len(one), 1)))


def test_skin_tone_is_the_greatest_variance_and_spans_human_skin(bare, points, rng):
    factor = albedo_prior.directions(bare, points, rng)
    covariance = factor @ factor.T
    values, vectors = np.linalg.eigh(covariance)
    tone = np.tile(albedo_prior.SKIN_TONE, len(points))
    cosine = abs(vectors[:, -1] @ tone) / np.linalg.norm(tone)
    assert cosine > 0.98
    assert values[-1] > 5.0 * values[-2]
    low = albedo_prior.SKIN - 2.5 * albedo_prior.SKIN_TONE
    high = albedo_prior.SKIN + 1.7 * albedo_prior.SKIN_TONE
    assert low.min() > 0.0
    assert high.max() < 1.0


def test_eyes_and_teeth_do_not_vary_with_the_skin(bare, points, rng):
    parts = dataclasses.replace(bare, teeth=np.ones(len(points)))
    assert np.abs(albedo_prior.directions(parts, points, rng)).max() < 1e-12


def test_the_process_is_smooth_mostly_symmetric_and_of_unit_variance(points, rng):
    # With k = (radial(p, q) + s radial(p, q mirrored)) / (1 + s), s = 0.8 and points far from the
    # mirror plane, k(p, p) = 1 / 1.8 and k(p, mirrored p) = 0.8 / 1.8: a correlation of 0.8.
    far = points + np.sign(points[:, :1]) * np.array([100.0, 0.0, 0.0])
    factor = albedo_prior._gaussian_process(far, 10.0, rng)
    covariance = factor @ factor.T
    np.testing.assert_allclose(np.diag(covariance), 1 / 1.8, atol=1e-3)
    count = len(points) // 2
    np.testing.assert_allclose(np.diag(covariance[:count, count:]), 0.8 / 1.8, atol=1e-3)
    distance = np.linalg.norm(far[:, None] - far[None], axis=-1)
    same = (far[:, None, 0] > 0) == (far[None, :, 0] > 0)
    expected = np.exp(-0.5 * (distance / 10.0) ** 2) / 1.8
    np.testing.assert_allclose(covariance[same], expected[same], atol=2e-3)
