"""The layers of VGG-Face (Parkhi et al. 2015; VGG-16's layout) by name and shape."""

from __future__ import annotations

import math

CLASSES = 2622
INPUT_SIZE = 224
# (block, convolutions, filters at width 1); a 2x2 max pool ends each block.
BLOCKS = ((1, 2, 64), (2, 2, 128), (3, 3, 256), (4, 3, 512), (5, 3, 512))
DENSE_UNITS = 4096

# Means of the training faces over 0-255, in the order red, green, blue.
MEAN_RGB = (129.1863, 104.7624, 93.5940)
MEAN_BGR = MEAN_RGB[::-1]


def scaled(filters: int, width: float) -> int:
    """So many filters or units are left of `filters` at this width, at least one."""
    return max(1, math.floor(filters * width + 0.5))


def vgg_face_shapes(
    width: float = 1.0, classes: int | None = CLASSES, input_size: int = INPUT_SIZE
) -> dict[str, dict[str, tuple[int, ...]]]:
    """Layer name -> weight name -> shape; 145,002,878 numbers at width 1 with 2622 classes.

    Args:
      width: factor on the filters of every convolution and the units of fc6 and fc7.
      classes: units of fc8, or None for a network that ends at fc7.
      input_size: height and width that the network sees; five max pools halve it, rounding down.
    """
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    channels = 3
    for block, convolutions, base in BLOCKS:
        filters = scaled(base, width)
        for index in range(1, convolutions + 1):
            shapes[f"conv{block}_{index}"] = {
                "kernel": (3, 3, channels, filters),
                "bias": (filters,),
            }
            channels = filters
    inputs, units = channels * (input_size // 32) ** 2, scaled(DENSE_UNITS, width)
    for name in ("fc6", "fc7"):
        shapes[name] = {"kernel": (inputs, units), "bias": (units,)}
        inputs = units
    if classes is not None:
        shapes["fc8"] = {"kernel": (inputs, classes), "bias": (classes,)}
    return shapes
