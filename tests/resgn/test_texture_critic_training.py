from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from resgn.texture_critic import CriticConfig
from resgn.texture_critic_training import CriticProgress, CriticTrainer, CriticTrainingConfig
from weights.errors import InputError

SIZE = CriticConfig(width=1 / 16, input_size=32)
CONFIG = CriticTrainingConfig(epochs=3, batch_size=4, seed=5)


class KilledError(Exception):
    pass


def faces(each: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three people of one pattern each, the last of whom is not to be learned."""
    people = np.repeat([7, 3, 9], each)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40] // 5 % 2 * 200
    patterns = np.stack([x, y, x ^ y])[..., None]
    noise = rng.integers(0, 40, (3 * each, 40, 40, 3))
    images = np.repeat(patterns, each, axis=0) + noise
    return images.astype(np.uint8), people, rng.permutation(2 * each)


def trained(folder: Path, config: CriticTrainingConfig = CONFIG) -> list[np.ndarray]:
    return CriticTrainer(SIZE, config, 2, folder).train(*faces()).get_weights()


def test_learns_and_reports(tmp_path: Path) -> None:
    reports: list[CriticProgress] = []
    config = CriticTrainingConfig(epochs=8, batch_size=16)
    CriticTrainer(SIZE, config, 2, tmp_path).train(*faces(each=36), reports.append)
    assert [report.step for report in reports[:3]] == [4, 8, 12]  # 72 faces, batches of 16
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert reports[-1].accuracy > 0.8
    assert reports[0].learning_rate > reports[-1].learning_rate


def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")

    def kill(progress: CriticProgress) -> None:
        if progress.epoch == 2:
            raise KilledError

    with pytest.raises(KilledError):
        CriticTrainer(SIZE, CONFIG, 2, tmp_path / "cut").train(*faces(), kill)
    steps: list[int] = []
    trainer = CriticTrainer(SIZE, CONFIG, 2, tmp_path / "cut")
    model = trainer.train(*faces(), on_step=steps.append)
    assert steps == [4, 5, 6]
    for once, resumed in zip(whole, model.get_weights(), strict=True):
        np.testing.assert_array_equal(once, resumed)


def test_too_few_faces(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, batch_size=11)
    with pytest.raises(InputError, match="10 training images do not fill a batch of 11: lower `b"):
        trained(tmp_path, config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"batch_size": 1}, "`batch_size` must be at least 2"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be above 0"),
    ],
)
def test_numbers_out_of_range(values: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CriticTrainingConfig(**values)


@pytest.mark.parametrize("values", [{"width": 0.0}, {"width": 1.5}, {"input_size": 31}])
def test_sizes_out_of_range(values: dict) -> None:
    with pytest.raises(InputError):
        CriticConfig(**values)
