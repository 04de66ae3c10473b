"""Who is it? Classifiers of identity on MoFA's codes and on images (Teng 2021, Section 4.3).

Both end in an embedding whose cosine similarity says whether two faces are one person (Eq. 8), and
in one logit for each person they were trained on. The paper does not say how its classifiers are
built; the one on codes follows reproduction: 257 -> 512 with BatchNorm and ReLU -> embedding ->
softmax over people. The one on images has VGG-19 in place of the first layer.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_type_hints

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.arrays import Array
from mofa.encoder import EncoderConfig, trunk
from weights import keras_h5, made_for
from weights.errors import InputError, brief

KINDS = ("code", "image")
PARTS = ("identity", "all")

PAPER_THRESHOLDS = {"code": 0.174, "image": 0.413}
"""Cosine similarities of the paper's MoFA and VGG-19 (Section 4.3)."""

_WEIGHTS = Path(__file__).parents[1] / "weights"
DEFAULT_PATHS = {kind: _WEIGHTS / f"mofa_identity_{kind}.h5" for kind in KINDS}
ALEXNET_PATH = _WEIGHTS / "mofa_identity_code_alexnet.h5"
"""On codes of the AlexNet encoder."""

layers = tf.keras.layers


@dataclasses.dataclass(frozen=True)
class IdentityConfig:
    """The size of a classifier.

    Attributes:
      kind: `code` (of codes) or `image` (of images).
      people: P, that it tells apart in training.
      embedding: D, length of its embedding.
      units: of the hidden layer, in `code`.
      parts: what of a code it sees, `identity` (shape and albedo, of which a person is made) or
        `all` of it.
      width: factor on VGG-19's maps, in `image`.
      input_size: side to which `image` brings its images, pixels.
      scale: factor on the cosines of embedding and person that are its logits.
    """

    kind: str = "code"
    people: int = 2
    embedding: int = 128
    units: int = 512
    parts: str = "all"
    width: float = 0.125
    input_size: int = 96
    scale: float = 16.0

    def __post_init__(self) -> None:
        for name, allowed in (("kind", KINDS), ("parts", PARTS)):
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"`{name}` must be {' or '.join(allowed)}; got {getattr(self, name)!r}"
                )
        for name in ("embedding", "units"):
            if getattr(self, name) < 1:
                raise InputError(f"`{name}` must be at least 1; got {getattr(self, name)}")
        if self.people < 2:
            raise InputError(f"a classifier needs two people or more; got {self.people}")
        if not 0.0 < self.scale < float("inf"):
            raise InputError(f"`scale` must be above 0; got {self.scale}")
        if self.kind == "image":
            _encoder_size(self)


class Cosines(tf.keras.layers.Layer):
    """Cosines of an embedding with one direction for each person, times a factor."""

    def __init__(self, people: int, scale: float, **settings: object) -> None:
        super().__init__(**settings)
        self._people, self._scale = people, scale

    def build(self, shape: tf.TensorShape) -> None:
        """Make the directions, `[D, P]`."""
        self.kernel = self.add_weight("kernel", [shape[-1], self._people], initializer="he_normal")

    def call(self, embedding: tf.Tensor) -> tf.Tensor:
        """From embeddings `[N, D]` to logits `[N, P]`."""
        directions = tf.math.l2_normalize(self.kernel, axis=0)
        return self._scale * tf.math.l2_normalize(embedding, axis=-1) @ directions


def build(config: IdentityConfig, precision: str = "float32") -> tf.keras.Model:
    """A classifier with random weights.

    Args:
      config: its size.
      precision: Keras policy of VGG-19's layers.

    Returns:
      A model from codes [N, 257], or from RGB images [N, H, W, 3] in [0, 1], to embeddings
      float32 [N, D] and logits float32 [N, P].
    """
    if config.kind == "code":
        given = tf.keras.Input((codes.SIZE,), name="code", dtype="float32")
        x = given
        if config.parts == "identity":
            x = tf.concat([x[:, codes.SLICES[name]] for name in ("shape", "albedo")], -1)
        # Standardises the code; its statistics are those of the training codes.
        x = layers.BatchNormalization(center=False, scale=False, momentum=0.9, name="standardise")(
            x
        )
        x = layers.Dense(config.units, use_bias=False, name="hidden")(x)
        x = layers.ReLU(name="hidden_relu")(layers.BatchNormalization(name="hidden_bn")(x))
    else:
        given, x = trunk(_encoder_size(config), precision)
    embedding = layers.Dense(config.embedding, name="embedding", dtype="float32")(x)
    logits = Cosines(config.people, config.scale, name="people", dtype="float32")(embedding)
    return tf.keras.Model(given, [embedding, logits], name=f"identity_{config.kind}")


def _encoder_size(config: IdentityConfig) -> EncoderConfig:
    """The VGG-19 of a classifier of images.

    Raises:
      InputError: there is none of this width for images of this size.
    """
    return EncoderConfig(
        width=config.width, input_size=config.input_size, batch_norm=True, dense_units=256
    )


class IdentityClassifier:
    """A trained classifier, frozen.

    Attributes:
      kind: `code` or `image`.
      threshold: cosine similarity above which two embeddings are one person, calibrated.
      paper_threshold: the paper's for this kind.
      config: its size.

    Args:
      model: of `build`.
      config: its size.
      threshold: in (-1, 1).
    """

    def __init__(self, model: tf.keras.Model, config: IdentityConfig, threshold: float) -> None:
        model.trainable = False
        self._model, self.config, self.kind = model, config, config.kind
        self.threshold = threshold
        self.paper_threshold = PAPER_THRESHOLDS[config.kind]

    def __repr__(self) -> str:
        """What it looks at, and from where on two are one."""
        people = self.config.people
        return f"<identity by {self.kind} of {people} people, threshold {self.threshold:.3f}>"

    def embed(self, x: tf.Tensor) -> tf.Tensor:
        """Unit embeddings float32 [N, D] of codes [N, 257] or images [N, H, W, 3] in [0, 1]."""
        return tf.math.l2_normalize(self._model(x, training=False)[0], axis=-1)

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """Logits float32 [N, P] over the people of the training."""
        return self._model(x, training=False)[1]

    def save(
        self,
        path: str | os.PathLike[str],
        source: str,
        goes_with: Mapping[str, made_for.Content] | None = None,
    ) -> None:
        """Write it in half precision; the file is whole or absent.

        Args:
          path: where to.
          source: what it was trained on, for the file's attributes.
          goes_with: the `encoder` of the codes that it was trained on.
        """
        said = dataclasses.asdict(self.config) | {"threshold": self.threshold, "source": source}
        said |= made_for.attributes(goes_with or {})
        keras_h5.save_weights(self._model, path, said, float16=True)


def load_identity(
    path: str | os.PathLike[str] | None = None,
    kind: str = "code",
    precision: str = "float32",
    used: Mapping[str, Path | made_for.Content] | None = None,
    allow_mismatch: bool = False,
) -> IdentityClassifier:
    """Read a classifier that `IdentityClassifier.save` has written.

    Args:
      path: the file; the project's own if None.
      kind: `code` or `image`, which it must be.
      precision: as for `build`.
      used: the `encoder` whose codes it is to judge, which is then compared with the one that it
        was trained for, see `weights.made_for`.
      allow_mismatch: take another one with a warning.

    Raises:
      InputError: the file is missing, damaged, of another kind, or does not fit `used`.
    """
    path = Path(DEFAULT_PATHS[kind] if path is None else path).expanduser()
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file; `python -m experiments.train_identity` trains "
            "identity classifiers and leaves them in the folder of its run."
        )
    said = keras_h5.read_attributes(path)
    try:
        sizes = get_type_hints(IdentityConfig)
        config = IdentityConfig(**{name: kind(said[name]) for name, kind in sizes.items()})
        threshold = float(said["threshold"])
        if not -1.0 < threshold < 1.0:
            raise ValueError(f"its threshold is {threshold}, not between -1 and 1")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{path} is no identity classifier of this project ({brief(error)})."
        ) from error
    if config.kind != kind:
        raise InputError(f"{path} classifies by {config.kind}; one by {kind} is needed.")
    made_for.check(path, used or {}, allow_mismatch, (*DEFAULT_PATHS.values(), ALEXNET_PATH))
    model = build(config, precision)
    keras_h5.load_weights(model, path)
    return IdentityClassifier(model, config, threshold)


def on_images(
    encoder: Callable[[tf.Tensor], tf.Tensor], classifier: IdentityClassifier, output: str = "embed"
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A classifier as a differentiable function of images, through the encoder if it needs codes.

    Args:
      encoder: from images [N, H, W, 3] in [0, 1] to codes [N, 257].
      classifier: of either kind.
      output: `embed` or `logits`.
    """
    answer = getattr(classifier, output)
    if classifier.kind == "image":
        return lambda images: answer(images)
    return lambda images: answer(encoder(images))


def pair_similarities(embeddings: Array, people: Array) -> tuple[Array, Array]:
    """Cosine similarity of all pairs of different pictures.

    Args:
      embeddings: unit, float32 [M, D].
      people: int [M].

    Returns:
      float32 [M (M - 1) / 2], and bool of the same length: is it one person?
    """
    first, second = np.triu_indices(len(people), 1)
    return (embeddings @ embeddings.T)[first, second], people[first] == people[second]


def taken_for_another(source: Array, target: Array, threshold: float) -> Array:
    """Whether faces are accepted as the target and rejected as the source (Teng 2021, Section 4.3).

    Args:
      source, target: their similarities to both, of the same shape.
      threshold: above which two pictures are one person.

    Returns:
      bool, of that shape.
    """
    return np.asarray((source < threshold) & (target > threshold))


def check_pairs(people: Array, whose: str) -> None:
    """Check that people can be verified: that there are pairs of one person and of two.

    Args:
      people: int [M], of each picture.
      whose: pictures they are, a name of a part of the data.

    Raises:
      InputError: one kind of pair is missing.
    """
    counts = np.unique(people, return_counts=True)[1]
    if len(counts) < 2 or counts.max() < 2:
        raise InputError(
            f"The {whose} part has {len(people)} pictures of {len(counts)} people; verification "
            "needs two people, and two pictures of one of them: give more people, or more pictures "
            "of each."
        )


def balanced_threshold(similarities: Array, same: Array) -> tuple[float, float]:
    """The similarity that separates best where both kinds of pairs count alike.

    Args:
      similarities: [K].
      same: bool [K], with pairs of both kinds.

    Returns:
      The threshold, and the balanced accuracy there: the mean of the shares of pairs of one person
      above it and of pairs of two below it.

    Raises:
      InputError: one kind of pair is missing.
    """
    positives, negatives = int(same.sum()), int((~same).sum())
    if not positives or not negatives:
        raise InputError(
            "A threshold needs pairs of one person and pairs of two: give more people, or more "
            "pictures of each."
        )
    order = np.argsort(-similarities, kind="stable")
    values, hits = similarities[order], same[order]
    accepted = np.cumsum(hits) / positives
    rejected = 1.0 - np.cumsum(~hits) / negatives
    # A cut lies behind the last of equal values.
    ends = np.append(values[1:] < values[:-1], True)
    balanced = np.where(ends, 0.5 * (accepted + rejected), -1.0)
    best = int(np.argmax(balanced))
    below = values[best + 1] if best + 1 < len(values) else -1.0
    return float(0.5 * (values[best] + below)), float(balanced[best])
