from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from resgn.losses import (
    PAPER_WEIGHTS,
    FurtherCritic,
    JointLoss,
    LossWeights,
    pixel_loss,
    texture_loss,
)
from resgn.verification import squared_distance, verification_loss
from resgn.warp import warp


def embed(images: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(tf.reduce_mean(images, axis=[1, 2]), -1)


def texture(images: tf.Tensor) -> tf.Tensor:
    return 10.0 * tf.reduce_max(images, axis=[1, 2])


def test_pixel_loss_by_hand() -> None:
    # Images of [0, 1] differ by 0.5, so by 1 in [-1, 1]; in one of the two images alone.
    a = np.zeros((2, 3, 3, 3), np.float32)
    b = np.zeros((2, 3, 3, 3), np.float32)
    b[1] = 0.5
    np.testing.assert_allclose(pixel_loss(a, b), [0.0, 1.0])


def test_pixel_loss_of_fgsm_has_the_magnitude_that_the_weights_were_read_from() -> None:
    # eps 0.03 everywhere: (2 * 0.03)^2 = 3.6e-3.
    a = np.full((1, 4, 4, 3), 0.5, np.float32)
    np.testing.assert_allclose(pixel_loss(a, a + 0.03), [3.6e-3], rtol=1e-4)


def test_texture_loss_by_hand() -> None:
    # (3^2 + 4^2 + 0 + 0) / 4 = 6.25
    loss = texture_loss(tf.constant([[3.0, 4.0, 0.0, 1.0]]), tf.constant([[0.0, 0.0, 0.0, 1.0]]))
    np.testing.assert_allclose(loss, [6.25])


def test_joint_loss_is_the_weighted_sum_of_its_terms() -> None:
    weights = LossWeights(2.0, 0.5, 3.0)
    loss = JointLoss(weights, texture, embed, threshold=1.0)
    cleaned = tf.constant(np.full((1, 2, 2, 3), 0.6, np.float32))
    legitimate = tf.constant(np.tile(np.float32([0.6, 0.0, 0.0]), (1, 2, 2, 1)))
    terms = loss(cleaned, legitimate, texture(legitimate), embed(legitimate))
    # Pixel: 4 * (0 + 0.36 + 0.36) / 3 = 0.96. Texture: (0 + 36 + 36) / 3 = 24. Distance of
    # (1,1,1)/sqrt 3 and (1,0,0): 2 - 2/sqrt 3 = 0.8453, score 0.42265, loss 0.54931.
    assert float(terms["pixel"][0]) == pytest.approx(2.0 * 0.96, rel=1e-5)
    assert float(terms["texture"][0]) == pytest.approx(0.5 * 24.0, rel=1e-5)
    distance = 2.0 - 2.0 / math.sqrt(3.0)
    expected = 3.0 * -math.log(1.0 - 0.5 * distance)
    assert float(terms["verification"][0]) == pytest.approx(expected, rel=1e-5)


def test_several_verification_critics_have_the_mean_of_their_losses() -> None:
    """The second one looks one pixel to the right of what the first one sees."""
    critic = FurtherCritic(lambda images, views: embed(warp(images, views)), threshold=0.2)
    loss = JointLoss(LossWeights(0.0, 0.0, 3.0), texture, embed, 1.0, (critic,))
    cleaned = tf.random.stateless_uniform((2, 4, 4, 3), (1, 2))
    legitimate = tf.random.stateless_uniform((2, 4, 4, 3), (3, 4))
    aside = tf.constant([[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]] * 2)

    def shifted(images: tf.Tensor) -> tf.Tensor:  # the border goes on
        return tf.concat([images[:, :, 1:], images[:, :, -1:]], axis=2)

    view = (aside, embed(shifted(legitimate)))
    found = loss(cleaned, legitimate, tf.zeros((2, 0)), embed(legitimate), (view,))
    first = verification_loss(squared_distance(embed(cleaned), embed(legitimate)), 1.0)
    distance = squared_distance(embed(shifted(cleaned)), embed(shifted(legitimate)))
    second = verification_loss(distance, 0.2)
    np.testing.assert_allclose(found["verification"], 1.5 * (first + second), rtol=1e-5)
    # Two critics that see the same cost what one does: the weight means the same.
    twice = JointLoss(
        LossWeights(0.0, 0.0, 3.0),
        texture,
        embed,
        1.0,
        (FurtherCritic(lambda images, _: embed(images), 1.0),),
    )
    found = twice(
        cleaned, legitimate, tf.zeros((2, 0)), embed(legitimate), [(aside, embed(legitimate))]
    )
    np.testing.assert_allclose(found["verification"], 3.0 * first, rtol=1e-5)


def test_the_gradient_goes_through_a_further_critics_view() -> None:
    """It sees the upper left quarter alone, enlarged: nothing else gets a gradient from it."""
    critic = FurtherCritic(lambda images, views: embed(warp(images, views)), threshold=0.2)
    loss = JointLoss(LossWeights(0.0, 0.0, 1.0), texture, lambda x: 0.0 * embed(x), 1.0, (critic,))
    legitimate = tf.random.stateless_uniform((1, 8, 8, 3), (3, 4))
    corner = tf.constant([[[0.4, 0.0, 0.0], [0.0, 0.4, 0.0]]])
    view = (corner, embed(warp(legitimate, corner)))
    cleaned = tf.Variable(tf.random.stateless_uniform((1, 8, 8, 3), (5, 6)))

    def value() -> tf.Tensor:
        terms = loss(cleaned, legitimate, tf.zeros((1, 0)), tf.zeros((1, 3)), [view])
        return terms["verification"][0]

    with tf.GradientTape() as tape:
        result = value()
    gradient = tape.gradient(result, cleaned).numpy()[0]
    assert (np.abs(gradient[:3, :3]) > 0).all()
    assert np.abs(gradient[4:]).max() == np.abs(gradient[:, 4:]).max() == 0.0
    step = np.zeros((1, 8, 8, 3), np.float32)
    step[0, 1, 2, 0] = 1e-2
    cleaned.assign_add(step)
    above = value()
    cleaned.assign_sub(2 * step)
    difference = float(above - value()) / 2e-2
    assert float(gradient[1, 2, 0]) == pytest.approx(difference, rel=0.02)


def test_each_further_critic_needs_its_view() -> None:
    critic = FurtherCritic(lambda images, views: embed(images), threshold=0.2)
    loss = JointLoss(LossWeights(0.0, 0.0, 1.0), texture, embed, 1.0, (critic,))
    image = tf.ones((1, 2, 2, 3))
    with pytest.raises(ValueError, match="zip"):
        loss(image, image, tf.zeros((1, 0)), embed(image))


def test_a_term_without_weight_runs_no_network() -> None:
    def never(images: tf.Tensor) -> tf.Tensor:
        raise AssertionError("called")

    loss = JointLoss(LossWeights(1.0, 0.0, 0.0), never, never, 1.0)
    image = tf.zeros((1, 2, 2, 3))
    assert list(loss(image, image, tf.zeros((1, 0)), tf.zeros((1, 0)))) == ["pixel"]


def test_identical_images_cost_nothing() -> None:
    loss = JointLoss(LossWeights(1.0, 1.0, 1.0), texture, embed, 1.1)
    image = tf.random.uniform((2, 4, 4, 3), seed=1)
    for term in loss(image, image, texture(image), embed(image)).values():
        np.testing.assert_allclose(term, 0.0, atol=1e-6)


def test_weights_of_the_paper_and_of_its_rows() -> None:
    assert LossWeights(1.0, 1e-8, 1e-3) == PAPER_WEIGHTS
    assert PAPER_WEIGHTS.only(("texture",)) == LossWeights(0.0, 1.0, 0.0)
    assert PAPER_WEIGHTS.only(("pixel", "verification")) == LossWeights(1.0, 0.0, 1e-3)
    assert PAPER_WEIGHTS.only(("pixel", "verification")).active() == ("pixel", "verification")


def test_gradient_against_finite_differences(rng: np.random.Generator) -> None:
    loss = JointLoss(LossWeights(1.0, 0.1, 0.5), texture, embed, 0.3)
    legitimate = tf.constant(rng.uniform(0.2, 0.8, (1, 3, 3, 3)))
    cleaned = tf.constant(rng.uniform(0.2, 0.8, (1, 3, 3, 3)))

    def total(x: tf.Tensor) -> tf.Tensor:
        terms = loss(x, legitimate, texture(legitimate), embed(legitimate))
        return tf.reduce_sum(tf.add_n(list(terms.values())))

    with tf.GradientTape() as tape:
        tape.watch(cleaned)
        value = total(cleaned)
    gradient = tape.gradient(value, cleaned).numpy()
    for place in [(0, 0, 0, 0), (0, 1, 2, 1), (0, 2, 2, 2)]:
        step = np.zeros(cleaned.shape)
        step[place] = 1e-6
        difference = (total(cleaned + step) - total(cleaned - step)) / 2e-6
        assert gradient[place] == pytest.approx(float(difference), rel=1e-4)
