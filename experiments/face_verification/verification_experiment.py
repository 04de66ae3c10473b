"""What the experiments on ResGN share: faces, target, pairs, attacked sets, critics.

    experiment = VerificationExperiment(VerificationSettings.laptop("orl"))
    experiment.sets.attacked("test", 0.03)

Faces and target are loaded at once, so that what is missing or wrong is said before long work.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from experiments.face_verification.attacked_sets import AttackedSets
from experiments.face_verification.critics import Critics, texture_critic
from experiments.face_verification.settings import ROBUST, SMOOTHED, VerificationSettings
from experiments.running.at_once import AtOnce, Value, workers
from experiments.running.devices import ONE, Devices
from experiments.running.precision import critic_type, settle_precision
from experiments.running.settings import flat
from resgn.bring_your_own import chosen_target
from resgn.faces.dataset import FaceDataset
from resgn.faces.loading import load_dataset
from resgn.judge import Judge
from resgn.legitimate_pairs import Embed, LegitimatePairs, legitimate_pairs
from resgn.lopez_range import whitened_to_unit, without_preprocessing
from resgn.target import Target
from weights import files
from weights.errors import InputError

SMALL_BATCH = 4
"""Images up to which one training's step leaves cores idle."""


def trainings_at_once(settings: VerificationSettings, devices: Devices) -> int:
    """Threads that train and measure rows side by side; 0 where that is no faster."""
    return workers(devices) if settings.training.batch_size <= SMALL_BATCH else 0


class VerificationExperiment:
    """Faces, target and settings of an experiment on ResGN.

    Attributes:
      settings: with the precision that this machine is good at.
      dataset: the faces.
      target: the network under attack.
      devices: what all this is computed on.
      preparing: to be held while what several rows share is made, and while a network is made from
        seeds: rows may be trained at once.

    Args:
      settings: everything that decides a result.
      devices: one by default.

    Raises:
      InputError: faces or weights are missing or damaged.
    """

    def __init__(self, settings: VerificationSettings, devices: Devices = ONE) -> None:
        self.settings = settings.but(
            precision=settle_precision(settings.precision, loss_scaling=True)
        )
        self.devices, self.preparing = devices, threading.RLock()
        self.dataset: FaceDataset = load_dataset(
            settings.dataset, settings.data_dir, settings.skip_damaged
        )
        self.target: Target = self._network(settings.target)
        if settings.image_range == "lopez":
            self.target = without_preprocessing(self.target)
        self._others = {name: self._network(name) for name in settings.further_critics()}
        self._judges: dict[str, Judge] = {}

    @functools.cached_property
    def legitimate(self) -> LegitimatePairs:
        """The pairs that the target verifies correctly.

        Raises:
          InputError: there are fewer of them than wanted.
        """
        return legitimate_pairs(
            self.dataset,
            self.target,
            self.settings.pairs.counts(),
            self.settings.calibrate,
            self.settings.seed,
            self.devices.shared,
            whitened_to_unit if self._range() else None,
        )

    @functools.cached_property
    def critics(self) -> Critics:
        """The loss networks."""
        return Critics(
            self.settings,
            self.target,
            lambda: self.texture,
            self.judge,
            self.legitimate,
            self.devices,
        )

    @functools.cached_property
    def texture(self) -> tf.keras.Model:
        """The texture critic, frozen.

        Raises:
          InputError: the released VGG-Face is asked for without its file.
        """
        return texture_critic(self.settings)

    @functools.cached_property
    def sets(self) -> AttackedSets:
        """The pairs under attack."""
        return AttackedSets(
            self.legitimate,
            self.target,
            [self.settings.target, self.critics.target_name, *self._range()],
            self.settings.train_spread,
            self.devices,
        )

    def judge(self, name: str) -> Judge:
        """Another network, with its own threshold and its own view of these faces; loaded once.

        Args:
          name: as `target` of the settings.

        Raises:
          InputError: there is no such network, or its weights are missing or damaged, or images
            are in a range that is about the target alone.
        """
        if self._range():
            raise InputError("Images of `image_range=lopez` are FaceNet's alone: give no judges.")
        if name not in self._judges:
            target = self._others[name] if name in self._others else self._network(name)
            self._judges[name] = Judge.of(target, self.legitimate)
        return self._judges[name]

    def learning_from(self, critics: Sequence[str]) -> VerificationExperiment:
        """The same target, pairs and attacked sets; ResGN learns from these critics.

        Args:
          critics: verification critics, the target among them.

        Raises:
          InputError: the target is not among them.
        """
        other = self.trained_by(critics=tuple(critics))
        del other.critics
        return other

    def trained_by(self, **values: Any) -> VerificationExperiment:
        """The same target, pairs, attacked sets and critics; ResGN is trained by other settings.

        Args:
          **values: of the network and of its training, by name.
        """
        settings = self.settings.but(**values)
        self.legitimate, self.sets, self.critics  # noqa: B018, shared from now on
        other = copy.copy(self)
        other.settings = settings
        return other

    def at_once(self, makers: Mapping[str, Callable[[], Value]]) -> AtOnce[Value]:
        """What rows need, trained and measured side by side where that is faster; see `AtOnce`."""
        return AtOnce(makers, trainings_at_once(self.settings, self.devices))

    def _range(self) -> list[str]:
        """The range of images where it is not the plain one."""
        chosen = self.settings.image_range
        return [] if chosen == "plain" else [chosen]

    def _network(self, name: str) -> Target:
        return chosen_target(name, self.settings.weights_of(name))

    @functools.cached_property
    def undefended(self) -> Embed:
        """The target alone, compiled."""
        return self.devices.shared(self.target.compiled)

    @functools.cached_property
    def voting_target(self) -> Target:
        """The target where noisy copies vote, in the arithmetic of the denoiser before it."""
        return self.target.computing_in(critic_type(self.settings.precision))

    def defended(self, cleaner: tf.keras.Model, target: Target | None = None) -> Embed:
        """The target, or what is given for it, behind a cleaner, compiled: images to embeddings."""
        embed = (target or self.target).compiled
        clean = tf.function(lambda images: cleaner(images, training=False))
        return self.devices.shared(lambda images: embed(clean(images)))

    def flat_settings(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """Every setting that decides a result, with those of a command; for `Run`."""
        values = flat(self.settings)
        del values["jit"]  # a matter of speed
        if not self.settings.further_critics():
            del values["critics"]  # the target alone, as in runs from before it could be chosen
        if not self._range():
            del values["image_range"]
        smoothed = {name for name in values if name.startswith("smoothing_")} | {"denoiser"}
        if SMOOTHED not in more.get("rows", ()):  # as in runs from before there was that row
            values = {name: value for name, value in values.items() if name not in smoothed}
        elif self.settings.denoiser:
            values["denoiser"] = files.sha256(Path(self.settings.denoiser).expanduser())
        if ROBUST not in more.get("rows", ()):  # likewise
            values = {name: v for name, v in values.items() if not name.startswith("robust_")}
        return values | dict(more)

    def facts(self) -> dict[str, Any]:
        """What belongs into every `result.json`."""
        return {
            "threshold": self.legitimate.threshold,
            "verified": self.legitimate.verified,
            **self.devices.facts(),
        }
