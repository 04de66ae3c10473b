from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa import encoder
from mofa.face_renderer import Camera, FaceRenderer
from mofa.losses import AutoencoderLoss, CodeLoss
from mofa.training import Trainer, TrainingConfig
from tests.mofa.toy_faces import SIZE, Faces
from weights.errors import InputError


@pytest.fixture(scope="module")
def losses(shell) -> tuple[AutoencoderLoss, CodeLoss]:
    renderer = FaceRenderer(shell, Camera(image_size=(32, 32)))
    return AutoencoderLoss(renderer), CodeLoss(renderer, np.ones(257, np.float32))


def config(iterations: int = 4, **other: object) -> TrainingConfig:
    values = {
        "batch_size": 2,
        "rendered_batch_size": 2,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "checkpoint_every": 2,
    }
    return TrainingConfig(iterations=iterations, **(values | other))


def trainer(folder, losses, settings: TrainingConfig) -> Trainer:
    tf.keras.utils.set_random_seed(0)
    return Trainer(encoder.build(SIZE), settings, folder, *losses)


def test_a_killed_training_ends_at_the_same_weights(tmp_path, losses) -> None:
    photographs, rendered = Faces((5, 2)), Faces((257,))
    whole = trainer(tmp_path / "whole", losses, config())
    reports = []
    whole.train(photographs, rendered, reports.append)
    assert whole.traces == 1
    assert [report.step for report in reports] == [2, 4]
    assert {"photometric", "landmark", "code_light", "total"} <= set(reports[0].terms)
    total = sum(value for name, value in reports[0].terms.items() if name != "total")
    assert reports[0].terms["total"] == pytest.approx(total)

    class KilledError(Exception):
        pass

    def kill(step: int) -> None:
        if step == 3:
            raise KilledError

    part = trainer(tmp_path / "part", losses, config())
    with pytest.raises(KilledError):
        part.train(photographs, rendered, on_step=kill)
    rest = trainer(tmp_path / "part", losses, config())
    rest.train(photographs, rendered)
    for one, other in zip(whole.model.get_weights(), rest.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_not_finite_stops_with_step_and_term(tmp_path, losses) -> None:
    settings = config(batch_size=0, iterations=9)
    stuck = Trainer(encoder.build(SIZE), settings, tmp_path, None, losses[1])
    with pytest.raises(InputError, match=r"stopped at step 3: the code_\w+ loss became (inf|nan)"):
        stuck.train(rendered=Faces((257,), broken_from=2))


def test_wrong_settings_are_refused(tmp_path, losses) -> None:
    for wrong, message in (
        ({"batch_size": 0, "rendered_batch_size": 0}, "photographs, rendered faces, or both"),
        ({"learning_rate": 0.0}, "`learning_rate` must be above 0"),
        ({"optimizer": "sgd"}, "`optimizer` must be one of adadelta, adam"),
        ({"schedule": "step"}, "`schedule` must be one of"),
        ({"checkpoint_every": 0}, "`checkpoint_every` must be at least 1"),
    ):
        with pytest.raises(InputError, match=message):
            config(**wrong)
    with pytest.raises(ValueError, match="a loss is needed for each kind"):
        Trainer(encoder.build(SIZE), config(), tmp_path, losses[0], None)
