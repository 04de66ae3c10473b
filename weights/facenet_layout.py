"""The layers of FaceNet's Inception-ResNet-v1 that hold numbers: their names and shapes.

Each layer has three names: that of the Keras files in circulation, that of TensorFlow's
checkpoints (Sandberg's `facenet`), and that of the `facenet-pytorch` project. A convolution has no
bias but a BatchNorm without gamma; only the 1x1 convolution at the end of each residual block has
a bias and no BatchNorm. Architecture: Szegedy et al. 2016, in Sandberg's variant.
"""

from __future__ import annotations

import dataclasses

EMBEDDING_SIZES = (128, 512)
# Inputs of the bottleneck: the channels behind the last block.
FEATURES = 1792
BATCH_NORM = ("beta", "moving_mean", "moving_variance")
BATCH_NORM_EPSILON = 0.001


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution or the bottleneck, with its BatchNorm if it has one.

    Attributes:
      name: the Keras name, as `Block35_1_Branch_0_Conv2d_1x1`; `<name>_BatchNorm` for the norm.
      tensorflow: the scope in a checkpoint, as `InceptionResnetV1/Repeat/block35_1/...`.
      torch: the module in `facenet-pytorch`, as `repeat_1.0.branch0.conv`.
      torch_batch_norm: the module of its BatchNorm there, as `repeat_1.0.branch0.bn`; None where
        the layer has a bias instead.
      kernel: shape of the kernel: `(height, width, inputs, outputs)`, or `(inputs, outputs)`.
    """

    name: str
    tensorflow: str
    torch: str
    torch_batch_norm: str | None
    kernel: tuple[int, ...]

    def shapes(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Keras layer name -> weight name -> shape."""
        outputs = self.kernel[-1:]
        if self.torch_batch_norm is None:
            return {self.name: {"kernel": self.kernel, "bias": outputs}}
        return {
            self.name: {"kernel": self.kernel},
            f"{self.name}_BatchNorm": dict.fromkeys(BATCH_NORM, outputs),
        }


# The convolutions of a branch: (name, height, width, filters).
_Branch = tuple[tuple[str, int, int, int], ...]

_STEM = (
    ("Conv2d_1a_3x3", 3, 3, 32),
    ("Conv2d_2a_3x3", 3, 3, 32),
    ("Conv2d_2b_3x3", 3, 3, 64),
    ("Conv2d_3b_1x1", 1, 1, 80),
    ("Conv2d_4a_3x3", 3, 3, 192),
    ("Conv2d_4b_3x3", 3, 3, 256),
)
_BLOCK35: tuple[_Branch, ...] = (
    (("Conv2d_1x1", 1, 1, 32),),
    (("Conv2d_0a_1x1", 1, 1, 32), ("Conv2d_0b_3x3", 3, 3, 32)),
    (("Conv2d_0a_1x1", 1, 1, 32), ("Conv2d_0b_3x3", 3, 3, 32), ("Conv2d_0c_3x3", 3, 3, 32)),
)
_MIXED_6A: tuple[_Branch, ...] = (
    (("Conv2d_1a_3x3", 3, 3, 384),),
    (("Conv2d_0a_1x1", 1, 1, 192), ("Conv2d_0b_3x3", 3, 3, 192), ("Conv2d_1a_3x3", 3, 3, 256)),
)
_BLOCK17: tuple[_Branch, ...] = (
    (("Conv2d_1x1", 1, 1, 128),),
    (("Conv2d_0a_1x1", 1, 1, 128), ("Conv2d_0b_1x7", 1, 7, 128), ("Conv2d_0c_7x1", 7, 1, 128)),
)
_MIXED_7A: tuple[_Branch, ...] = (
    (("Conv2d_0a_1x1", 1, 1, 256), ("Conv2d_1a_3x3", 3, 3, 384)),
    (("Conv2d_0a_1x1", 1, 1, 256), ("Conv2d_1a_3x3", 3, 3, 256)),
    (("Conv2d_0a_1x1", 1, 1, 256), ("Conv2d_0b_3x3", 3, 3, 256), ("Conv2d_1a_3x3", 3, 3, 256)),
)
_BLOCK8: tuple[_Branch, ...] = (
    (("Conv2d_1x1", 1, 1, 192),),
    (("Conv2d_0a_1x1", 1, 1, 192), ("Conv2d_0b_1x3", 1, 3, 192), ("Conv2d_0c_3x1", 3, 1, 192)),
)


def facenet_layers(embedding_size: int = 128) -> list[Layer]:
    """All layers with numbers, from the input to the embedding."""
    root = "InceptionResnetV1"
    layers: list[Layer] = []
    channels = 3
    for name, height, width, filters in _STEM:
        torch = name.lower().rsplit("_", 1)[0]  # conv2d_1a
        kernel = (height, width, channels, filters)
        layers.append(Layer(name, f"{root}/{name}", f"{torch}.conv", f"{torch}.bn", kernel))
        channels = filters
    for index in range(5):
        scope = f"{root}/Repeat/block35_{index + 1}"
        layers += _residual(f"Block35_{index + 1}", scope, f"repeat_1.{index}", _BLOCK35, channels)
    reduction, channels = _branches("Mixed_6a", f"{root}/Mixed_6a", "mixed_6a", _MIXED_6A, 256)
    layers += reduction
    channels += 256  # the reduction appends its max-pooled input
    for index in range(10):
        scope = f"{root}/Repeat_1/block17_{index + 1}"
        layers += _residual(f"Block17_{index + 1}", scope, f"repeat_2.{index}", _BLOCK17, channels)
    reduction, ends = _branches("Mixed_7a", f"{root}/Mixed_7a", "mixed_7a", _MIXED_7A, channels)
    layers += reduction
    channels += ends
    for index in range(5):
        scope = f"{root}/Repeat_2/block8_{index + 1}"
        layers += _residual(f"Block8_{index + 1}", scope, f"repeat_3.{index}", _BLOCK8, channels)
    layers += _residual("Block8_6", f"{root}/Block8", "block8", _BLOCK8, channels)
    bottleneck = (channels, embedding_size)
    layers.append(Layer("Bottleneck", f"{root}/Bottleneck", "last_linear", "last_bn", bottleneck))
    return layers


def facenet_shapes(embedding_size: int = 128) -> dict[str, dict[str, tuple[int, ...]]]:
    """Keras layer name -> weight name -> shape.

    The sizes sum up to 22,808,144 numbers at 128 and 23,497,424 at 512 dimensions.
    """
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    for layer in facenet_layers(embedding_size):
        shapes.update(layer.shapes())
    return shapes


def _branches(
    keras: str, tensorflow: str, torch: str, layout: tuple[_Branch, ...], channels: int
) -> tuple[list[Layer], int]:
    """The layers of parallel branches, and the channels of their ends together."""
    layers: list[Layer] = []
    ends = 0
    for branch, convolutions in enumerate(layout):
        inputs = channels
        for index, (name, height, width, filters) in enumerate(convolutions):
            # PyTorch's Sequential numbers its members; a branch of one convolution has none.
            module = f"{torch}.branch{branch}" + (f".{index}" if len(convolutions) > 1 else "")
            layers.append(
                Layer(
                    f"{keras}_Branch_{branch}_{name}",
                    f"{tensorflow}/Branch_{branch}/{name}",
                    f"{module}.conv",
                    f"{module}.bn",
                    (height, width, inputs, filters),
                )
            )
            inputs = filters
        ends += inputs
    return layers, ends


def _residual(
    keras: str, tensorflow: str, torch: str, layout: tuple[_Branch, ...], channels: int
) -> list[Layer]:
    layers, ends = _branches(keras, tensorflow, torch, layout, channels)
    kernel = (1, 1, ends, channels)
    up = Layer(f"{keras}_Conv2d_1x1", f"{tensorflow}/Conv2d_1x1", f"{torch}.conv2d", None, kernel)
    return [*layers, up]
