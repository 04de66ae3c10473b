"""Table 1 of Su et al. 2019: what cleaning with ResGN is worth, for each choice of losses.

    python -m experiments.table1                                     # ORL, minutes on two cores
    python -m experiments.table1 --dataset=lfw --data_dir=DIR        # LFW, much longer
    python -m experiments.table1 --preset=paper --data_dir=DIR --facenet_weights=... \\
        --vgg_face_weights=...                                       # the paper's own figures

Each row is the share of pairs that the target network verifies correctly when the probe image first
passes through the defence: attacked to evade its own identity (dodging), attacked to take another's
(impersonation), and untouched (legitimate).
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tqdm
from absl import flags

from experiments import cli, data_flags, face_flags, presets
from experiments import run as run_flags
from experiments.adversarial_sets import (
    Counts,
    LegitimatePairs,
    attacked,
    legitimate_pairs,
)
from experiments.data_flags import DATA_DIR, weights_of
from experiments.figures import save_bars
from experiments.precision import settle_precision
from experiments.results import Measurement, Row, write_json
from experiments.run import SEED, Run, settings_from_flags
from resgn.faces.dataset import load_dataset
from resgn.generator import GeneratorConfig
from resgn.losses import JointLoss, LossWeights
from resgn.target import Target, embed_all, load_target
from resgn.training import Progress, Trainer, TrainingConfig, TrainingSet
from resgn.verification_set import COLUMNS, VerificationSet
from resgn.vgg_face import vgg_face
from weights.errors import InputError

PAPER: dict[str, tuple[float, float, float]] = {
    "pixel": (0.9916, 0.9968, 0.9052),
    "texture": (0.9906, 0.9967, 0.9791),
    "verification": (0.8836, 0.9531, 0.9831),
    "pixel+texture": (0.9925, 0.9982, 0.9786),
    "pixel+verification": (0.9926, 0.9983, 0.9870),
    "texture+verification": (0.9599, 0.9757, 0.9883),
    "joint": (0.9945, 0.9992, 0.9918),
    "randomization": (0.6528, 0.6181, 0.9765),
    "none": (0.0084, 0.4321, 1.0),
}
"""Table 1 as printed: dodging, impersonation, legitimate."""

LOSSES = {name: tuple(name.split("+")) for name in list(PAPER)[:6]} | {
    "joint": ("pixel", "texture", "verification")
}

_EPS = flags.DEFINE_float("eps", 0.03, "Attack intensity in images of [0, 1]; the paper's is 0.03.")
_ROWS = flags.DEFINE_list("rows", list(PAPER), "Rows of the table, in this order.")

RANDOMIZATION_SEED = 5

for _module in (presets, data_flags, face_flags, run_flags):
    flags.adopt_module_key_flags(_module)  # shown by --help


def main(_: list[str]) -> None:
    """Prepare, train and measure row by row, write the table."""
    preset = presets.Preset.from_flags()
    rows = check_rows(_ROWS.value)
    if not 0.0 < _EPS.value <= 1.0:
        raise InputError(f"--eps must lie in (0, 1], in images of [0, 1]; got {_EPS.value}.")
    precision = settle_precision(flags.FLAGS.precision)
    # Checked before the long work: what is missing or wrong shows at once.
    dataset = load_dataset(preset.dataset, DATA_DIR.value)
    generator, training = configurations(preset, precision)
    needed = any("texture" in LOSSES.get(row, ()) for row in rows)
    texture = load_texture(preset) if needed else tf.identity
    target = load_target(preset.target, weights_of(preset.target))
    run = Run(
        "table1",
        settings_from_flags(["eps", "rows", *face_flags.SHARED])
        | preset.values
        | {"precision": precision},
    )

    legitimate = legitimate_pairs(dataset, target, counts(preset), preset.calibrate, SEED.value)
    identity = json.dumps([preset.target, weights_of(preset.target), dataset.name])
    sets = {
        part: attacked(legitimate, part, target, identity, _EPS.value)
        for part in ("train", "validation", "test")
    }
    table = Table1(run, preset, generator, training, target, texture, legitimate, sets)
    measured = [table.row(name) for name in tqdm.tqdm(rows, desc="table 1", unit="row")]
    save_bars(run.folder / "table1.png", measured, f"Table 1 on {preset.dataset}")
    print(
        "\n"
        + run.finish(
            measured,
            precision,
            "losses",
            notes(preset, legitimate),
            threshold=legitimate.threshold,
            verified=legitimate.verified,
        )
    )
    print(f"{run.folder}: table1.md, table1.csv, table1.png, result.json, tensorboard/")


@dataclasses.dataclass
class Table1:
    """Measures one row after the other; a row that was measured before is read back."""

    run: Run
    preset: presets.Preset
    generator: GeneratorConfig
    training: TrainingConfig
    target: Target
    texture: Callable[[tf.Tensor], tf.Tensor]
    legitimate: LegitimatePairs
    sets: dict[str, VerificationSet]

    def row(self, name: str) -> Row:
        """One line of the table."""
        file = self.run.folder / "rows" / f"{name}.json"
        if file.exists():
            return Row.from_json(json.loads(file.read_text("utf-8")))
        outcomes = self._outcomes(name)
        columns = {
            column: Measurement.rate(outcomes[column], PAPER[name][number])
            for number, column in enumerate(COLUMNS)
        }
        row = Row(name, columns)
        self.run.log(name, 0, {f"test/{c}": m.value for c, m in columns.items()})
        write_json(file, row.as_json())
        return row

    def _outcomes(self, name: str) -> dict[str, np.ndarray]:
        test = self.sets["test"]
        if name == "none":
            return test.outcomes(tf.function(self.target))
        if name == "randomization":
            return test.outcomes(self._randomized())
        cleaner = self.train(name)
        self._log_panels(name, cleaner)
        return test.outcomes(
            tf.function(lambda images: self.target(cleaner(images, training=False)))
        )

    def _randomized(self) -> Callable[[tf.Tensor], tf.Tensor]:
        draws = iter(range(1 << 30))
        embed = tf.function(self.target.randomized)
        return lambda images: embed(
            images, tf.constant([SEED.value, RANDOMIZATION_SEED + next(draws)])
        )

    def train(self, name: str) -> tf.keras.Model:
        """The ResGN of one row."""
        weights = LossWeights(
            self.preset.pixel_weight, self.preset.texture_weight, self.preset.verification_weight
        ).only(LOSSES[name])
        loss = JointLoss(weights, self.texture, self.target, self.legitimate.threshold)
        folder = self.run.folder / "training" / name
        training = self.training
        if name != "joint":
            training = dataclasses.replace(training, epochs=self.preset.ablation_epochs)
        trainer = Trainer(self.generator, loss, training, folder)
        train = self.sets["train"]
        data = TrainingSet(
            train.adversarial,
            train.probe,
            train.images,
            self._features if weights.texture else np.zeros((len(train.images), 0), np.float32),
            train.embeddings,
        )
        steps = training.epochs * (len(train) // training.batch_size)
        with tqdm.tqdm(total=steps, desc=f"training {name}", unit="step", leave=False) as bar:

            def report(progress: Progress) -> None:
                bar.update(progress.step - bar.n)  # a resumed training starts further on
                self.run.log(name, progress.step, scalars(progress))

            return trainer.train(data, self._validate, report, lambda: bar.update(1) and None)

    @functools.cached_property
    def _features(self) -> np.ndarray:
        return embed_all(tf.function(self.texture), self.legitimate.images)

    def _validate(self, cleaner: tf.keras.Model) -> dict[str, float]:
        outcomes = self.sets["validation"].outcomes(
            tf.function(lambda images: self.target(cleaner(images, training=False)))
        )
        return {column: float(np.mean(outcomes[column])) for column in COLUMNS}

    def _log_panels(self, name: str, cleaner: tf.keras.Model, count: int = 2) -> None:
        """Legitimate, adversarial, perturbation amplified and cleaned, side by side."""
        test = self.sets["test"]
        for column, rows in (
            ("dodging", np.flatnonzero(test.same)[:count]),
            ("impersonation", np.flatnonzero(~test.same)[:count]),
        ):
            legitimate = test.images[test.probe[rows]] / np.float32(255)
            adversarial = test.adversarial[rows] / np.float32(255)
            amplified = np.clip(0.5 + (adversarial - legitimate) / (2 * _EPS.value), 0, 1)
            cleaned = cleaner(tf.constant(adversarial), training=False).numpy()
            panel = np.concatenate([legitimate, adversarial, amplified, cleaned], axis=2)
            self.run.log_images(
                name, 0, {f"{column}: legitimate, adversarial, perturbation, cleaned": panel}
            )


def scalars(progress: Progress) -> dict[str, float]:
    """What TensorBoard shows of an epoch."""
    values = {f"loss/{term}": value for term, value in progress.terms.items()}
    values["learning_rate"] = progress.learning_rate
    values["images_per_second"] = progress.images_per_second
    for column, value in (progress.held_out or {}).items():
        values[f"validation/{column}"] = value
    return values


def check_rows(rows: list[str]) -> list[str]:
    """The rows asked for.

    Raises:
      InputError: one is unknown or named twice, or there is none.
    """
    unknown = [row for row in rows if row not in PAPER]
    if unknown or not rows or len(set(rows)) != len(rows):
        raise InputError(
            f"--rows names {', '.join(rows) or 'nothing'}; choose, each once, from "
            f"{', '.join(PAPER)}."
        )
    return rows


def configurations(
    preset: presets.Preset, precision: str
) -> tuple[GeneratorConfig, TrainingConfig]:
    """Network and training as the flags have them."""
    generator = {f.name: getattr(preset, f.name) for f in dataclasses.fields(GeneratorConfig)}
    training = {
        f.name: getattr(preset, f.name)
        for f in dataclasses.fields(TrainingConfig)
        if f.name not in ("precision", "seed")
    }
    return (
        GeneratorConfig(**generator),
        TrainingConfig(**training, precision=precision, seed=SEED.value),
    )


def counts(preset: presets.Preset) -> Counts:
    """Wanted pairs of each part."""
    return Counts(
        *(
            (getattr(preset, f"{part}_same"), getattr(preset, f"{part}_different"))
            for part in ("train", "validation", "test")
        )
    )


def load_texture(preset: presets.Preset) -> tf.keras.Model:
    """The texture critic, frozen.

    Raises:
      InputError: the released VGG-Face is asked for without its file.
    """
    if preset.texture == "small":
        return vgg_face("small")
    path = flags.FLAGS.vgg_face_weights
    if path is None:
        raise InputError(
            "The texture critic VGG-Face needs its weights, which cannot be shipped: get "
            "vgg_face.mat from the VGG group at Oxford (or a Keras .h5 of it) and pass "
            "--vgg_face_weights=PATH; or use --texture=small, which needs nothing."
        )
    return vgg_face(Path(path))


def notes(preset: presets.Preset, legitimate: LegitimatePairs) -> str:
    """What differs from the paper, in words below the table."""
    parts = [
        "Percent verified correctly, 95 % Wilson interval in round brackets, the paper's figure in "
        "square ones.",
        f"Data {preset.dataset}, target {preset.target} with threshold "
        f"{legitimate.threshold:.3f}, FGSM with eps {_EPS.value:g}, 8-bit images; "
        f"{preset.train_same} + {preset.train_different} training examples, people kept apart.",
        f"ResGN of {preset.blocks} blocks and {preset.maps} maps, {preset.epochs} epochs"
        + (
            "."
            if preset.epochs == preset.ablation_epochs
            else f" for the joint row and {preset.ablation_epochs} for the others, which are "
            "therefore not to be compared with it."
        ),
    ]
    if preset.scale > 1:
        parts.append(f"It works at 1/{preset.scale} of the resolution (not in the paper).")
    if preset.image_skip:
        parts.append("Its input is added to its output (not in the paper).")
    return " ".join(parts)


if __name__ == "__main__":
    cli.run(main)
