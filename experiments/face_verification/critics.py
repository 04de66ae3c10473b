"""The loss networks of Eq. 6: the target as verification critic, and the texture critic."""

from __future__ import annotations

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
from resgn.legitimate_pairs import Embed, LegitimatePairs
from resgn.losses import JointLoss, LossWeights
from resgn.target import CROP_SIZE, Target, embed_all
from resgn.vgg_face import vgg_face
from weights import files, registry
from weights.errors import InputError


class Critics:
    """Target and texture critic, frozen, with a copy on each device where there are several.

    Args:
      settings: which they are.
      target: the network under attack.
      texture: loads the texture critic.
      legitimate: the pairs, whose threshold Eq. 5 takes.
      devices: what all this is computed on.
    """

    def __init__(
        self,
        settings: VerificationSettings,
        target: Target,
        texture: Callable[[], tf.keras.Model],
        legitimate: LegitimatePairs,
        devices: Devices,
    ) -> None:
        self._settings, self._target, self._texture = settings, target, texture
        self._legitimate, self._devices = legitimate, devices

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """What names target and texture critic: the hashes of their weight files."""
        settings = self._settings
        texture = "small" if settings.texture == "small" else str(settings.vgg_face_weights)
        return {"target": self.target_name, "texture": _file_hash(texture, "vgg_face")}

    @functools.cached_property
    def target_name(self) -> str:
        """The hash of the target's weights; of the user's own target, of what it answers."""
        settings = self._settings
        if is_own(settings.target):
            return hashlib.sha256(self._legitimate.embeddings.tobytes()).hexdigest()
        return _file_hash(settings.weights_of_target() or settings.target, settings.target)

    @functools.cached_property
    def features(self) -> np.ndarray:
        """The texture critic's view of every legitimate image, float32 `[I, F]`."""
        texture = self._devices.shared(tf.function(self._texture()))
        return embed_all(texture, self._legitimate.images)

    def loss(self, weights: LossWeights) -> JointLoss:
        """Eq. 6 with its critics."""
        texture: Embed = self._frozen_texture if weights.texture else tf.identity
        return JointLoss(weights, texture, self._frozen_target, self._legitimate.threshold)

    @functools.cached_property
    def _frozen_texture(self) -> Embed:
        with self._devices.strategy.scope():
            texture = texture_critic(self._settings) if self._copies else self._texture()
            return critic(texture, self._type)

    @functools.cached_property
    def _frozen_target(self) -> Target:
        settings = self._settings
        with self._devices.strategy.scope():
            target = self._target
            if self._copies:
                target = chosen_target(settings.target, settings.weights_of_target())
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
