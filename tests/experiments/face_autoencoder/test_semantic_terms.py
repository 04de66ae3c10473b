from __future__ import annotations

import numpy as np

from attacks.semantic_match import entry_weights
from experiments.face_autoencoder.semantic_terms import semantic_terms
from mofa import code as codes
from mofa import face_model_files


def test_every_number_of_the_code_weighs_what_equation_1_says() -> None:
    model = face_model_files.read()
    weights = entry_weights(semantic_terms(model), codes.SIZE)
    expected = np.concatenate(
        [
            0.01 * model.identity.std / 80,
            0.01 * model.expression.std / 64,
            1.0 * model.albedo.std / 80,
            np.full(6, 0.05 / 6),
            np.full(27, 1.5 / 27),
        ]
    )
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_parts_alone_and_rotation_alone() -> None:
    model = face_model_files.read()
    light = entry_weights(semantic_terms(model, only=["light"]), codes.SIZE)
    assert light[:230].max() == 0.0
    assert light[230:].min() > 0.0
    pose = entry_weights(semantic_terms(model, only=["pose"], rotation_only=True), codes.SIZE)
    np.testing.assert_array_equal(np.flatnonzero(pose), [224, 225, 226])
