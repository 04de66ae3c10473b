"""The loss networks of Eq. 6: the target and others as verification critics, a texture critic."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments.face_verification.settings import VerificationSettings
from experiments.running.devices import Devices
from experiments.running.precision import critic_type
from resgn.bring_your_own import chosen_target, is_own
from resgn.inference import critic
from resgn.judge import Judge
from resgn.legitimate_pairs import Embed, LegitimatePairs
from resgn.losses import FurtherCritic, JointLoss, LossWeights
from resgn.target import CROP_SIZE, Target, embed_all
from resgn.training_set import View
from resgn.vgg_face import vgg_face
from weights import files, registry
from weights.errors import InputError


class Critics:
    """The loss networks, frozen, with a copy on each device where there are several.

    Args:
      settings: which they are.
      target: the network under attack.
      texture: loads the texture critic.
      judge: loads a further verification critic by its name.
      legitimate: the pairs, whose threshold Eq. 5 takes.
      devices: what all this is computed on.
    """

    def __init__(
        self,
        settings: VerificationSettings,
        target: Target,
        texture: Callable[[], tf.keras.Model],
        judge: Callable[[str], Judge],
        legitimate: LegitimatePairs,
        devices: Devices,
    ) -> None:
        self._settings, self._target, self._texture = settings, target, texture
        self._judge, self._legitimate, self._devices = judge, legitimate, devices

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """What names target and texture critic: the hashes of their weight files."""
        settings = self._settings
        texture = "small" if settings.texture == "small" else str(settings.vgg_face_weights)
        return {"target": self.target_name, "texture": _file_hash(texture, "vgg_face")}

    @functools.cached_property
    def target_name(self) -> str:
        """The hash of the target's weights; of the user's own target, of what it answers."""
        return self._name_of(self._settings.target, self._legitimate.embeddings)

    @functools.cached_property
    def further(self) -> dict[str, Judge]:
        """The verification critics beside the target, by their names."""
        return {name: self._judge(name) for name in self._settings.further_critics()}

    def further_names(self) -> list[tuple[str, float]]:
        """What names each of `further`, as for the target, and its threshold."""
        return [
            (self._name_of(name, judge.references), judge.threshold)
            for name, judge in self.further.items()
        ]

    def _name_of(self, network: str, answers: np.ndarray) -> str:
        if is_own(network):
            return hashlib.sha256(answers.tobytes()).hexdigest()
        return _file_hash(self._settings.weights_of(network) or network, network)

    @functools.cached_property
    def features(self) -> np.ndarray:
        """The texture critic's view of every legitimate image, float32 `[I, F]`."""
        texture = self._devices.shared(tf.function(self._texture()))
        return embed_all(texture, self._legitimate.images)

    @functools.cached_property
    def views(self) -> tuple[View, ...]:
        """What each of `further` sees of every legitimate image, through its own view of it."""
        images, rows = self._legitimate.images, np.arange(len(self._legitimate.images))
        return tuple(
            View(judge.views, judge.embeddings(tf.identity, images, rows))
            for judge in self.further.values()
        )

    def loss(self, weights: LossWeights) -> JointLoss:
        """Eq. 6 with its critics."""
        texture: Embed = self._frozen_texture if weights.texture else tf.identity
        threshold = self._legitimate.threshold
        further = self._frozen_further if weights.verification else ()
        return JointLoss(weights, texture, self._frozen_target, threshold, further)

    @functools.cached_property
    def _frozen_texture(self) -> Embed:
        with self._devices.strategy.scope():
            texture = texture_critic(self._settings) if self._copies else self._texture()
            return critic(texture, self._type)

    @functools.cached_property
    def _frozen_target(self) -> Target:
        return self._frozen(self._settings.target, self._target)

    @functools.cached_property
    def _frozen_further(self) -> tuple[FurtherCritic, ...]:
        found = []
        for name, judge in self.further.items():
            frozen = dataclasses.replace(judge, target=self._frozen(name, judge.target))
            found.append(FurtherCritic(frozen.look, judge.threshold))
        return tuple(found)

    def _frozen(self, name: str, target: Target) -> Target:
        with self._devices.strategy.scope():
            if self._copies:
                copied = chosen_target(name, self._settings.weights_of(name))
                target = dataclasses.replace(copied, prepare=target.prepare)
            target = target.computing_in(self._type)
            target(tf.zeros([1, CROP_SIZE, CROP_SIZE, 3]))  # builds the network
        return target

    @property
    def _copies(self) -> bool:
        return self._devices.strategy.num_replicas_in_sync > 1

    @property
    def _type(self) -> str:
        return critic_type(self._settings.precision)


def texture_critic(settings: VerificationSettings) -> tf.keras.Model:
    """The texture critic, frozen.

    Raises:
      InputError: the released VGG-Face is asked for without its file.
    """
    if settings.texture == "small":
        return vgg_face("small")
    if settings.vgg_face_weights is None:
        raise InputError(
            "The texture critic VGG-Face needs its weights, which cannot be shipped: get "
            "vgg_face.mat from the VGG group at Oxford (or a Keras .h5 of it) and pass "
            "`vgg_face_weights=PATH`; or use `texture=small`, which needs nothing."
        )
    return vgg_face(Path(settings.vgg_face_weights).expanduser())


def _file_hash(weights: str, network: str) -> str:
    """The hash of a weight file, or of all files of a checkpoint."""
    return files.content_hash(registry.resolve(weights, network))
