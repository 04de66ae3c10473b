"""The layers of VGG-19 and ResNet-50 that hold numbers, as `tf.keras.applications` names them."""

from __future__ import annotations

Shapes = dict[str, dict[str, tuple[int, ...]]]

CLASSES = 1000
_VGG19 = ((1, 2, 64), (2, 2, 128), (3, 4, 256), (4, 4, 512), (5, 4, 512))
_RESNET50 = ((2, 3, 64), (3, 4, 128), (4, 6, 256), (5, 3, 512))


def vgg19_shapes(include_top: bool = False) -> Shapes:
    """Layer name -> weight name -> shape, in Keras' order (Simonyan and Zisserman 2015)."""
    shapes: Shapes = {}
    channels = 3
    for block, convolutions, filters in _VGG19:
        for index in range(1, convolutions + 1):
            _convolution(shapes, f"block{block}_conv{index}", 3, channels, filters)
            channels = filters
    if include_top:
        _dense(shapes, "fc1", 7 * 7 * channels, 4096)
        _dense(shapes, "fc2", 4096, 4096)
        _dense(shapes, "predictions", 4096, CLASSES)
    return shapes


def resnet50_shapes(include_top: bool = False) -> Shapes:
    """Layer name -> weight name -> shape, in Keras' order (He et al. 2016)."""
    shapes: Shapes = {}
    _convolution(shapes, "conv1_conv", 7, 3, 64)
    _batch_norm(shapes, "conv1_bn", 64)
    channels = 64
    for stage, blocks, filters in _RESNET50:
        for block in range(1, blocks + 1):
            name = f"conv{stage}_block{block}"
            _convolution(shapes, f"{name}_1_conv", 1, channels, filters)
            _batch_norm(shapes, f"{name}_1_bn", filters)
            _convolution(shapes, f"{name}_2_conv", 3, filters, filters)
            _batch_norm(shapes, f"{name}_2_bn", filters)
            # Keras lists the shortcut's convolution just before the one it is added to.
            if block == 1:
                _convolution(shapes, f"{name}_0_conv", 1, channels, 4 * filters)
            _convolution(shapes, f"{name}_3_conv", 1, filters, 4 * filters)
            if block == 1:
                _batch_norm(shapes, f"{name}_0_bn", 4 * filters)
            _batch_norm(shapes, f"{name}_3_bn", 4 * filters)
            channels = 4 * filters
    if include_top:
        _dense(shapes, "predictions", channels, CLASSES)
    return shapes


def _convolution(shapes: Shapes, name: str, side: int, inputs: int, outputs: int) -> None:
    shapes[name] = {"kernel": (side, side, inputs, outputs), "bias": (outputs,)}


def _dense(shapes: Shapes, name: str, inputs: int, outputs: int) -> None:
    shapes[name] = {"kernel": (inputs, outputs), "bias": (outputs,)}


def _batch_norm(shapes: Shapes, name: str, channels: int) -> None:
    shapes[name] = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (channels,))
