"""Trains on one and on two virtual devices: `python -m tests.experiments.virtual_devices FILE`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments.running.devices import ONE, Devices, devices
from mofa import encoder
from mofa import training as mofa_training
from mofa.face_renderer import Camera, FaceRenderer
from mofa.losses import AutoencoderLoss, CodeLoss, Weights
from mofa.relational_term import RelationalTerm
from resgn.smoothing import GaussianNoise, SmoothedVerifier
from resgn.training import Trainer, TrainingConfig
from tests.experiments.toy_training import GENERATOR, LOSS, train
from tests.mofa.conftest import make_model
from tests.mofa.toy_faces import SIZE, Faces
from tests.resgn.smoothing.toys import HalfSpace
from weights.errors import InputError


def main(file: Path) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two = devices("mirrored")
    found: dict[str, object] = {"replicas": two.strategy.num_replicas_in_sync}
    for precision in ("float32", "mixed_float16"):
        with tempfile.TemporaryDirectory() as folder:
            alone = train(Path(folder) / "one", ONE, precision=precision)
            together = train(Path(folder) / "two", two, precision=precision)
        found[precision] = {
            "weights": max(
                float(np.abs(a - b).max())
                for a, b in zip(alone.weights, together.weights, strict=True)
            ),
            "terms": float(np.abs(alone.terms() / together.terms() - 1.0).max()),
            "traces": together.traces,
            "finite": bool(np.isfinite(together.terms()).all()),
        }

    found["mofa"] = mofa_apart(two)
    found["noise"] = noise_apart(two)
    found["votes"] = votes_apart(two)
    refused = []
    for batch_size, jit in ((3, False), (4, True)):
        config = TrainingConfig(batch_size=batch_size)
        try:
            Trainer(GENERATOR, LOSS, config, file.parent, two.strategy, jit)
        except InputError as error:
            refused.append(str(error))
    found["refused"] = refused
    seen: list[str] = []

    def work(rows: np.ndarray) -> np.ndarray:
        placed = tf.constant(rows) * 2
        seen.append(placed.device[-5:])
        return placed.numpy()

    try:
        mofa_training.Trainer(
            encoder.build(SIZE),
            mofa_training.TrainingConfig(batch_size=5),
            file.parent,
            AutoencoderLoss(FaceRenderer(make_model(), Camera(image_size=(32, 32)))),
            strategy=two.strategy,
        )
    except InputError as error:
        refused.append(str(error))
    found["shared"] = two.share(work, np.arange(7)).tolist()
    found["devices"] = sorted(seen)
    squares = two.shared(tf.square)(tf.range(5))
    found["squares"] = squares.numpy().tolist()
    found["everyone"] = [two.everyone(True), two.everyone(False)]
    file.write_text(json.dumps(found))


def noise_apart(two: Devices) -> float:
    """How far a denoiser that two devices trained lies from one that a single device did."""
    weights = []
    for number, used in enumerate((ONE, two)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / str(number)
            weights.append(train(path, used, noise=GaussianNoise(0.1)).weights)
    return max(float(np.abs(a - b).max()) for a, b in zip(*weights, strict=True))


def votes_apart(two: Devices) -> list[list[int]]:
    """Votes on probes that one device and two have counted."""
    half_space = HalfSpace()
    verifier = SmoothedVerifier(half_space, half_space.threshold, 0.3, batch_size=20)

    def work(rows: np.ndarray) -> np.ndarray:
        images = [half_space.image(0.1 * (row - 2)) for row in rows]
        votes = [
            verifier.votes(image, half_space.reference, 50, int(row), 1)
            for row, image in zip(rows, images, strict=True)
        ]
        return np.concatenate(votes)

    return [used.share(work, np.arange(5)).tolist() for used in (ONE, two)]


def mofa_apart(two: Devices) -> dict[str, float]:
    """How far an encoder that two devices trained lies from one that a single device did."""
    renderer = FaceRenderer(make_model(), Camera(image_size=(32, 32)))
    config = mofa_training.TrainingConfig(
        iterations=3, batch_size=4, rendered_batch_size=2, optimizer="adam", learning_rate=1e-3
    )

    def trained(used: Devices) -> tuple[list[np.ndarray], dict[str, float], int]:
        tf.keras.utils.set_random_seed(0)
        with used.strategy.scope():
            # On both: the fused kernel estimates variances without bias, by n - 1.
            model = encoder.build(SIZE, synchronized=True)
        # The relational term looks at all of a batch.
        relation = RelationalTerm(lambda images: tf.reduce_mean(images, axis=[1, 2]))
        losses = (
            AutoencoderLoss(renderer, Weights(relation=1.0), relation=relation),
            CodeLoss(renderer, np.ones(257, np.float32)),
        )
        reports: list[mofa_training.Progress] = []
        with tempfile.TemporaryDirectory() as folder:
            trainer = mofa_training.Trainer(
                model, config, Path(folder), *losses, strategy=used.strategy
            )
            trainer.train(Faces((5, 2)), Faces((257,)), reports.append)
        return model.get_weights(), reports[-1].terms, trainer.traces

    alone, together = trained(ONE), trained(two)
    apart = np.concatenate(
        [np.abs(a - b).ravel() for a, b in zip(alone[0], together[0], strict=True)]
    )
    return {
        # Adam turns the rounding of a gradient near zero into a step: a few entries may differ.
        "weights": float(np.quantile(apart, 0.999)),
        "moved": float(np.abs(together[0][-1]).max()),
        "terms": max(
            abs(alone[1][name] - together[1][name]) / alone[1]["total"] for name in alone[1]
        ),
        "relation": alone[1]["relation"],
        "relation_apart": abs(alone[1]["relation"] - together[1]["relation"]),
        "traces": together[2],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
