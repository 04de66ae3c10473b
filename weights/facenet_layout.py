"""The layers of FaceNet's Inception-ResNet-v1 that hold numbers, by name and shape.

Names are those of the Keras files in circulation: the path in TensorFlow's checkpoint without
`InceptionResnetV1/` and `Repeat*/`, with "_" for "/". A convolution has no bias but a BatchNorm
`<name>_BatchNorm` without gamma; only the 1x1 convolution at the end of each residual block has a
bias and no BatchNorm. Szegedy et al. 2016 (the architecture); Sandberg's `facenet` (this variant).
"""

from __future__ import annotations

BATCH_NORM = ("beta", "moving_mean", "moving_variance")
EMBEDDING_SIZES = (128, 512)

# (branch, [(name, height, width, filters), ...]) of the three residual blocks and two reductions.
_Branch = tuple[int, list[tuple[str, int, int, int]]]
_BLOCK35: list[_Branch] = [
    (0, [("Conv2d_1x1", 1, 1, 32)]),
    (1, [("Conv2d_0a_1x1", 1, 1, 32), ("Conv2d_0b_3x3", 3, 3, 32)]),
    (2, [("Conv2d_0a_1x1", 1, 1, 32), ("Conv2d_0b_3x3", 3, 3, 32), ("Conv2d_0c_3x3", 3, 3, 32)]),
]
_MIXED_6A: list[_Branch] = [
    (0, [("Conv2d_1a_3x3", 3, 3, 384)]),
    (
        1,
        [("Conv2d_0a_1x1", 1, 1, 192), ("Conv2d_0b_3x3", 3, 3, 192), ("Conv2d_1a_3x3", 3, 3, 256)],
    ),
]
_BLOCK17: list[_Branch] = [
    (0, [("Conv2d_1x1", 1, 1, 128)]),
    (1, [("Conv2d_0a_1x1", 1, 1, 128), ("Conv2d_0b_1x7", 1, 7, 128), ("Conv2d_0c_7x1", 7, 1, 128)]),
]
_MIXED_7A: list[_Branch] = [
    (0, [("Conv2d_0a_1x1", 1, 1, 256), ("Conv2d_1a_3x3", 3, 3, 384)]),
    (1, [("Conv2d_0a_1x1", 1, 1, 256), ("Conv2d_1a_3x3", 3, 3, 256)]),
    (
        2,
        [("Conv2d_0a_1x1", 1, 1, 256), ("Conv2d_0b_3x3", 3, 3, 256), ("Conv2d_1a_3x3", 3, 3, 256)],
    ),
]
_BLOCK8: list[_Branch] = [
    (0, [("Conv2d_1x1", 1, 1, 192)]),
    (1, [("Conv2d_0a_1x1", 1, 1, 192), ("Conv2d_0b_1x3", 1, 3, 192), ("Conv2d_0c_3x1", 3, 1, 192)]),
]


def facenet_shapes(embedding_size: int = 128) -> dict[str, dict[str, tuple[int, ...]]]:
    """Layer name -> weight name -> shape, for Inception-ResNet-v1 with its bottleneck.

    The sizes sum up to 22,808,144 numbers at 128 and 23,497,424 at 512 dimensions.
    """
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}

    def convolution(name: str, height: int, width: int, channels: int, filters: int) -> None:
        shapes[name] = {"kernel": (height, width, channels, filters)}
        shapes[f"{name}_BatchNorm"] = dict.fromkeys(BATCH_NORM, (filters,))

    def branches(prefix: str, layout: list[_Branch], channels: int) -> int:
        ends = 0
        for branch, layers in layout:
            inside = channels
            for name, height, width, filters in layers:
                convolution(f"{prefix}_Branch_{branch}_{name}", height, width, inside, filters)
                inside = filters
            ends += inside
        return ends

    def residual(prefix: str, layout: list[_Branch], channels: int) -> None:
        ends = branches(prefix, layout, channels)
        shapes[f"{prefix}_Conv2d_1x1"] = {"kernel": (1, 1, ends, channels), "bias": (channels,)}

    channels = 3
    for name, side, filters in (
        ("Conv2d_1a_3x3", 3, 32),
        ("Conv2d_2a_3x3", 3, 32),
        ("Conv2d_2b_3x3", 3, 64),
        ("Conv2d_3b_1x1", 1, 80),
        ("Conv2d_4a_3x3", 3, 192),
        ("Conv2d_4b_3x3", 3, 256),
    ):
        convolution(name, side, side, channels, filters)
        channels = filters
    for block in range(1, 6):
        residual(f"Block35_{block}", _BLOCK35, channels)
    # The reductions append their max-pooled input, hence the sum.
    channels += branches("Mixed_6a", _MIXED_6A, channels)
    for block in range(1, 11):
        residual(f"Block17_{block}", _BLOCK17, channels)
    channels += branches("Mixed_7a", _MIXED_7A, channels)
    for block in range(1, 7):
        residual(f"Block8_{block}", _BLOCK8, channels)
    shapes["Bottleneck"] = {"kernel": (channels, embedding_size)}
    shapes["Bottleneck_BatchNorm"] = dict.fromkeys(BATCH_NORM, (embedding_size,))
    return shapes
