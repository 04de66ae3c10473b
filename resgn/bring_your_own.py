"""Bring your own: a defence or a target named as `package.module:callable`.

What is brought is tried on a small batch at once, so that a mistake shows before the long work, and
so that an attack knows what it is up against: whether it is random, whether it has a gradient,
whether it looks at an image's neighbours in the batch.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from resgn.cleaners import Cleaner
from resgn.faces.crops import CROPS, FIVE_POINTS
from resgn.target import CROP_SIZE, Target, load_target
from weights.errors import InputError

Function = Callable[[tf.Tensor], tf.Tensor]

PROBES = 2
TOLERANCE = 1e-5
"""Two runs that differ by less are the same: threads may add in another order."""
NEIGHBOURS_TOLERANCE = 1e-3
"""Mean change of a pixel, or of a unit embedding's numbers, by other images of the batch that is
rounding: another batch size is computed in another order, and hidden layers may have 16 bits."""


def is_own(name: str) -> bool:
    """Is it `package.module:callable` rather than one of our own names?"""
    return ":" in name


def own_cleaner(name: str) -> Cleaner:
    """The user's defence.

    Args:
      name: `package.module:callable`: a Keras model or a function, of TensorFlow or NumPy, from
        float32 images `[N, 160, 160, 3]` in [0, 1] to the same. Modules are also looked for in
        the working directory.

    Raises:
      InputError: it cannot be imported or called, or gives something else than such images.
    """
    function = _function(name, load(name))
    images = _probe()
    compiled = tf.function(function)
    first = _called(name, compiled, images)
    if first.shape != images.shape:
        raise InputError(
            f"{name} gives shape {tuple(first.shape)} for images of shape {tuple(images.shape)}; "
            "a cleaner must keep it."
        )
    _check_values(name, first)
    if first.min() < -TOLERANCE or first.max() > 1.0 + TOLERANCE:
        raise InputError(
            f"{name} gives values in [{first.min():.4g}, {first.max():.4g}]; cleaned images must "
            "lie in [0, 1]: divide 8-bit values by 255, or clip."
        )
    random = _differs(first, _called(name, compiled, images))
    return Cleaner(
        name,
        lambda x, _: tf.ensure_shape(function(x), x.shape),
        random=random,
        differentiable=_has_gradient(function, images),
        # Of a random one nobody could tell; it is certified no more than one that looks around.
        by_itself=random or _by_itself(name, compiled),
    )


def own_target(name: str) -> Target:
    """The user's network under attack.

    Args:
      name: `package.module:callable`: a Keras model or a differentiable function of TensorFlow from
        float32 images `[N, 160, 160, 3]` in [0, 1] to embeddings `[N, D]`, of any length (they are
        scaled to 1). Its attribute `crop` may name one of `resgn.faces.crops.CROPS`.

    Raises:
      InputError: it cannot be imported or called, is random, has no gradient, looks at an image's
        neighbours in the batch, or gives something else than embeddings.
    """
    given = load(name)
    crop = str(getattr(given, "crop", FIVE_POINTS))
    if crop not in CROPS:
        raise InputError(f"{name}: `crop` is {crop!r}; known are {', '.join(CROPS)}.")
    function = _function(name, given)
    images = _probe()
    compiled = tf.function(function)
    outputs = _called(name, compiled, images)
    if outputs.ndim != 2 or outputs.shape[0] != PROBES or outputs.shape[1] < 2:
        raise InputError(
            f"{name} gives shape {tuple(outputs.shape)} for {PROBES} images; a target must give "
            "embeddings [N, D], D at least 2."
        )
    _check_values(name, outputs)
    if _differs(outputs, _called(name, compiled, images)):
        raise InputError(f"{name} is random; a target must give the same embedding each time.")
    if not _by_itself(name, lambda x: tf.math.l2_normalize(compiled(x), -1)):
        raise InputError(
            f"{name} gives an image another embedding beside other images; a target must look at "
            "each by itself, as networks do in inference mode."
        )
    if not _has_gradient(function, images):
        raise InputError(
            f"{name} has no gradient in the pixels, which FGSM needs: a target must be made of "
            "differentiable TensorFlow operations."
        )

    def network(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return function(inputs)

    return Target(name, tf.identity, lambda size: network, CROP_SIZE, (0.5,), crop=crop)


def chosen_target(name: str, weights: str | None = None) -> Target:
    """The target of this name, ours or the user's own, frozen.

    Args:
      name: of `resgn.target.TARGETS`, or `package.module:callable`.
      weights: one of ours from this file.

    Raises:
      InputError: unknown name, weights missing or damaged, or one's own target does not work.
    """
    return own_target(name) if is_own(name) else load_target(name, weights)


def load(name: str) -> Any:
    """The object that `package.module:callable` names.

    Raises:
      InputError: it is not of that form, or cannot be found or called.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise InputError(f"{name!r} must look like package.module:callable.")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise InputError(
                f"{name}: there is no module {module_name}; it must be installed or lie in the "
                "working directory."
            ) from error
        raise InputError(f"{name}: {module_name} cannot be imported: {error}.") from error
    except Exception as error:
        raise InputError(
            f"{name}: {module_name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InputError(f"{name}: {module_name} has no attribute {attribute}.")
        found = getattr(found, part)
    if not callable(found):
        raise InputError(f"{name} is no function or model but {type(found).__name__}.")
    return found


def _function(name: str, given: Any) -> Function:
    """The user's callable as a function of TensorFlow; one of NumPy is called from within it."""
    if isinstance(given, tf.keras.layers.Layer):
        given.trainable = False
        return _in_inference_mode(given)
    images = tf.TensorSpec([PROBES, CROP_SIZE, CROP_SIZE, 3], tf.float32)
    try:
        traced = tf.function(given).get_concrete_function(images)
        if isinstance(traced.structured_outputs, tf.Tensor):
            return lambda x: tf.cast(given(x), tf.float32)
    except Exception:  # whatever a function of NumPy does with a symbolic tensor
        pass

    def from_numpy(x: np.ndarray) -> np.ndarray:
        return np.asarray(given(x), np.float32)

    _called(name, lambda x: from_numpy(x.numpy()), _probe())  # if this fails too, it says why
    return lambda x: tf.numpy_function(from_numpy, [x], tf.float32)


def _in_inference_mode(model: tf.keras.layers.Layer) -> Function:
    try:
        model(_probe(), training=False)
    except TypeError:  # a layer whose call knows no `training`
        return lambda x: tf.cast(model(x), tf.float32)
    except Exception:  # reported when it is tried
        pass
    return lambda x: tf.cast(model(x, training=False), tf.float32)


def _probe() -> tf.Tensor:
    return tf.random.stateless_uniform([PROBES, CROP_SIZE, CROP_SIZE, 3], [1, 2])


def _by_itself(name: str, compiled: Function) -> bool:
    """Whether what an image gives is the same alone and beside black and white ones."""
    # Of some colour, and with neighbours outside of its range.
    image = (0.25 + 0.5 * _probe()[:1]) * tf.constant([1.0, 0.8, 0.6])
    black, white = tf.zeros_like(image), tf.ones_like(image)
    alone = _called(name, compiled, image)[0]
    first = _called(name, compiled, tf.concat([image, black], 0))[0]
    last = _called(name, compiled, tf.concat([white, image], 0))[-1]
    return all(np.abs(alone - beside).mean() <= NEIGHBOURS_TOLERANCE for beside in (first, last))


def _called(name: str, compiled: Function, images: tf.Tensor) -> np.ndarray:
    try:
        return np.asarray(compiled(images), np.float32)
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise InputError(
            f"{name} fails on images {images.shape.as_list()}: "
            f"{type(error).__name__}: {reason[-1] if reason else ''}"
        ) from error


def _check_values(name: str, outputs: np.ndarray) -> None:
    if not np.isfinite(outputs).all():
        raise InputError(f"{name} gives values that are not finite for images in [0, 1].")


def _differs(first: np.ndarray, second: np.ndarray) -> bool:
    return bool(np.abs(first - second).max() > TOLERANCE)


def _has_gradient(function: Function, images: tf.Tensor) -> bool:
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = function(images)
        weights = tf.random.stateless_normal(tf.shape(outputs), [3, 4])
        value = tf.reduce_sum(weights * outputs)
    try:
        gradient = tape.gradient(value, images)
    except LookupError:  # an operation without a registered gradient
        return False
    return gradient is not None and bool(tf.reduce_any(gradient != 0.0))
