"""What the experiments on ResGN share: faces, target, pairs, attacked sets, and how to judge.

Everything is settled from the flags once, with what is missing or wrong said before long work.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import flags

from experiments.face_verification.adversarial_sets import attacked
from experiments.flags import data_flags, face_flags, presets, strategy_flags
from experiments.flags.data_flags import DATA_DIR, chosen_target, weights_of
from experiments.flags.run_flags import SEED, settings_from_flags
from experiments.running.devices import ONE, Devices
from experiments.running.precision import settle_precision
from resgn.bring_your_own import is_own
from resgn.faces.dataset import FaceDataset
from resgn.faces.loading import load_dataset
from resgn.generator import GeneratorConfig
from resgn.legitimate_pairs import PARTS, Counts, LegitimatePairs, legitimate_pairs
from resgn.losses import JointLoss, LossWeights
from resgn.target import CROP_SIZE, Target, embed_all
from resgn.training import TrainingConfig
from resgn.verification_set import VerificationSet
from resgn.vgg_face import vgg_face
from weights import files, registry
from weights.errors import InputError

Images = Callable[[tf.Tensor], tf.Tensor]
"""From images `[N, H, W, 3]` in [0, 1] to images, or to embeddings `[N, D]`."""

SPREAD_STEPS = 3
"""Intensities of training examples where `train_spread` is above 1."""

for _module in (presets, data_flags, face_flags, strategy_flags):
    flags.adopt_module_key_flags(_module)


@dataclasses.dataclass(frozen=True, eq=False)
class VerificationExperiment:
    """Faces, target and settings of an experiment on ResGN.

    Attributes:
      preset: all values of the preset, with the given flags over them.
      precision: of ResGN's hidden layers.
      seed: of everything.
      generator: ResGN's size.
      training: how it is trained (the joint loss; see `ablation_epochs` of the preset for others).
      dataset: the faces.
      target: the network under attack.
      devices: what all this is computed on.
    """

    preset: presets.Preset
    precision: str
    seed: int
    generator: GeneratorConfig
    training: TrainingConfig
    dataset: FaceDataset
    target: Target
    devices: Devices = ONE

    @classmethod
    def from_flags(cls, texture: bool = True, **instead: Any) -> VerificationExperiment:
        """Settle everything.

        Args:
          texture: whether a texture critic is needed, so that a missing one shows at once.
          **instead: values of a command that has another default than the presets.

        Raises:
          InputError: something is missing, damaged or out of range.
        """
        preset = presets.Preset.from_flags(**instead)
        devices = strategy_flags.chosen_devices()
        precision = settle_precision(flags.FLAGS.precision)
        experiment = cls(
            preset,
            precision,
            SEED.value,
            *configurations(preset, precision),
            load_dataset(preset.dataset, DATA_DIR.value),
            chosen_target(preset.target),
            devices,
        )
        if texture:
            experiment.texture  # noqa: B018, loaded and checked now
        return experiment

    def settings(self, *names: str) -> dict[str, Any]:
        """Every setting that decides a result, with those of the flags `names`; for `Run`."""
        return (
            settings_from_flags([*names, *face_flags.SHARED])
            | self.preset.values
            | {"precision": self.precision}
        )

    @functools.cached_property
    def texture(self) -> tf.keras.Model:
        """The texture critic, frozen.

        Raises:
          InputError: the released VGG-Face is asked for without its file.
        """
        return self._load_texture()

    def _load_texture(self) -> tf.keras.Model:
        if self.preset.texture == "small":
            return vgg_face("small")
        path = flags.FLAGS.vgg_face_weights
        if path is None:
            raise InputError(
                "The texture critic VGG-Face needs its weights, which cannot be shipped: get "
                "vgg_face.mat from the VGG group at Oxford (or a Keras .h5 of it) and pass "
                "--vgg_face_weights=PATH; or use --texture=small, which needs nothing."
            )
        return vgg_face(Path(path))

    @functools.cached_property
    def features(self) -> np.ndarray:
        """The texture critic's view of every legitimate image, float32 `[I, F]`."""
        texture = self.devices.shared(tf.function(self.texture))
        return embed_all(texture, self.legitimate.images)

    def loss(self, weights: LossWeights) -> JointLoss:
        """Eq. 6 with its critics, which have a copy on each device where there are several."""
        texture: Images = self.texture if weights.texture else tf.identity
        target: Images = self.target
        if self.devices.strategy.num_replicas_in_sync > 1:
            with self.devices.strategy.scope():
                target, texture = (
                    self._loss_target,
                    (self._loss_texture if weights.texture else tf.identity),
                )
        return JointLoss(weights, texture, target, self.legitimate.threshold)

    @functools.cached_property
    def _loss_target(self) -> Target:
        target = chosen_target(self.preset.target)
        target(tf.zeros([1, CROP_SIZE, CROP_SIZE, 3]))  # builds the network
        return target

    @functools.cached_property
    def _loss_texture(self) -> tf.keras.Model:
        return self._load_texture()

    @functools.cached_property
    def critics(self) -> dict[str, str]:
        """What names target and texture critic: the hashes of their weight files."""
        texture = "small" if self.preset.texture == "small" else flags.FLAGS.vgg_face_weights
        target = weights_of(self.preset.target) or self.preset.target
        own = is_own(self.preset.target)
        return {
            "target": self._behaviour if own else _file_hash(target, self.preset.target),
            "texture": _file_hash(texture, "vgg_face"),
        }

    @property
    def _behaviour(self) -> str:
        """What names the user's own target, of whose weights we know nothing: what it answers."""
        return hashlib.sha256(self.legitimate.embeddings.tobytes()).hexdigest()

    @functools.cached_property
    def legitimate(self) -> LegitimatePairs:
        """The pairs that the target verifies correctly.

        Raises:
          InputError: there are fewer of them than wanted.
        """
        counts = Counts(
            *(
                (getattr(self.preset, f"{part}_same"), getattr(self.preset, f"{part}_different"))
                for part in PARTS
            )
        )
        return legitimate_pairs(
            self.dataset, self.target, counts, self.preset.calibrate, self.seed, self.devices.shared
        )

    def attacked(self, part: str, epsilon: float) -> VerificationSet:
        """Pairs with their probes under FGSM, crafted once and kept in the user's cache.

        Args:
          part: `train`, `validation` or `test`.
          epsilon: budget in (0, 1].
        """
        self.craft(part, [epsilon])
        return self._sets[part, epsilon]

    def craft(self, part: str, epsilons: Sequence[float], keep: bool = True) -> None:
        """Craft the sets of several intensities together, which is faster than one by one.

        Args:
          part: `train`, `validation` or `test`.
          epsilons: budgets in (0, 1].
          keep: put them into the user's cache; otherwise they stay with this experiment alone.
        """
        missing = [epsilon for epsilon in epsilons if (part, epsilon) not in self._sets]
        own = is_own(self.preset.target)
        weights = self._behaviour if own else weights_of(self.preset.target)
        names = [self.preset.target, weights, self.dataset.name]
        sets = attacked(
            self.legitimate, part, self.target, json.dumps(names), missing, keep, self.devices
        )
        self._sets.update({(part, epsilon): made for epsilon, made in sets.items()})

    def training_intensities(self, epsilon: float) -> tuple[float, ...]:
        """The FGSM budgets that a ResGN against one intensity learns from: it, or up to more."""
        spread = self.preset.train_spread
        if spread == 1.0:
            return (epsilon,)
        top = min(1.0, spread * epsilon)
        return tuple(float(e) for e in np.linspace(epsilon, top, SPREAD_STEPS).round(6))

    def training_pairs(self, epsilon: float) -> VerificationSet:
        """The training pairs, their probes under each of `training_intensities` in turn."""
        epsilons = self.training_intensities(epsilon)
        self.craft("train", epsilons)
        sets = [self._sets["train", each] for each in epsilons]
        adversarial = sets[0].adversarial.copy()
        for number, each in enumerate(sets):
            adversarial[number :: len(sets)] = each.adversarial[number :: len(sets)]
        return dataclasses.replace(sets[0], adversarial=adversarial)

    def unattacked(self, part: str) -> VerificationSet:
        """The same pairs with every probe as it was: an attack of intensity 0."""
        pairs, legitimate = self.legitimate.parts[part], self.legitimate
        return VerificationSet(
            legitimate.images,
            legitimate.embeddings,
            pairs.probe,
            pairs.reference,
            pairs.same,
            legitimate.images[pairs.probe],
            legitimate.threshold,
        )

    @functools.cached_property
    def _sets(self) -> dict[tuple[str, float], VerificationSet]:
        return {}

    @functools.cached_property
    def undefended(self) -> Images:
        """The target alone, compiled."""
        return self.devices.shared(tf.function(self.target))

    def defended(self, cleaner: tf.keras.Model) -> Images:
        """The target behind a cleaner, compiled: images to embeddings."""
        return self.devices.shared(
            tf.function(lambda images: self.target(cleaner(images, training=False)))
        )

    def facts(self) -> dict[str, Any]:
        """What belongs into every `result.json`."""
        return {
            "threshold": self.legitimate.threshold,
            "verified": self.legitimate.verified,
            **self.devices.facts(),
        }

    def notes(self, epsilons: Sequence[float]) -> list[str]:
        """What was measured how, in sentences for below a table."""
        preset = self.preset
        return [
            "Percent verified correctly, 95 % Wilson interval in round brackets, the paper's "
            "figure in square ones.",
            f"Data {preset.dataset}, target {preset.target} with threshold "
            f"{self.legitimate.threshold:.3f}, FGSM with eps "
            f"{', '.join(f'{e:g}' for e in epsilons)}, 8-bit images; "
            f"{preset.train_same} + {preset.train_different} training examples, people kept apart.",
        ]

    def network_notes(self, but: str = "") -> list[str]:
        """What ResGN was measured, in sentences for below a table; `but` follows the epochs."""
        preset = self.preset
        parts = [
            f"ResGN of {preset.blocks} blocks and {preset.maps} maps, {preset.epochs} "
            f"epoch{'' if preset.epochs == 1 else 's'}{but}."
        ]
        if face_flags.START_FROM.value:
            parts.append("It was trained on from one that had been trained before.")
        if preset.train_spread > 1:
            parts.append(
                f"It learns from intensities of 1 to {preset.train_spread:g} times that of the "
                "attack (not in the paper)."
            )
        if preset.scale > 1:
            parts.append(f"It works at 1/{preset.scale} of the resolution (not in the paper).")
        if preset.image_skip:
            parts.append("Its input is added to its output (not in the paper).")
        return parts


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


def _file_hash(weights: str, network: str) -> str:
    """The hash of a weight file; a checkpoint of several files goes by its name."""
    path = registry.resolve(weights, network)
    return files.sha256(path) if path.is_file() else str(path.resolve())
