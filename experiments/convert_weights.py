"""Turn a weight file of any known format into a Keras `.h5` of the project.

    python -m experiments.convert_weights --network=facenet --source=FILE.pb --output=facenet.h5

The output says inside where it comes from (the source's name and SHA-256) and how images have to
be preprocessed. Conversion is optional: every network also loads the source itself, only slower.
It takes some seconds, and for VGG-Face 2.5 GB of memory. A conversion that is killed leaves no
output.

What is read: FaceNet from a frozen graph (.pb, also in Sandberg's zip), a TensorFlow 1 checkpoint,
a Keras .h5 (nyoki-mtl, deepface), facenet-pytorch's .pt or safetensors; VGG-Face from MatConvNet's
.mat or a Keras .h5 (rcmalli, deepface); VGG-19 and ResNet-50 from Keras' own ImageNet .h5; dlib's
face ResNet from its .dat.
`python -m experiments.weights` lists these files and where they come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from absl import flags

from experiments.flags import command_line, file_flags, weight_flags
from experiments.flags.groups import FlagGroup
from resgn.dlib_resnet import dlib_resnet
from weights import keras_h5, registry
from weights.errors import InputError
from weights.facenet_files import PREPROCESSING, read_facenet
from weights.imagenet_files import read_imagenet
from weights.network_weights import NetworkWeights, source_attributes
from weights.vgg_face_files import read_vgg_face

FLAGS = FlagGroup(weight_flags.FLAGS, file_flags.FLAGS)

_SOURCE = FLAGS.path(
    "source",
    None,
    "The file to convert, or the name of a file that `python -m experiments.weights` finds. A "
    "TensorFlow checkpoint is given by its prefix, one of its files, or its folder.",
)
_FLOAT16 = FLAGS.boolean(
    "float16", False, "Store half precision: half the size, about three decimal digits."
)
_MOVING_AVERAGES = FLAGS.boolean(
    "moving_averages",
    False,
    "FaceNet from a checkpoint: take the exponential moving averages of the variables, where it "
    "has them, instead of the variables that its frozen graph holds.",
)
_PREPROCESSING = FLAGS.choice(
    "preprocessing",
    None,
    list(PREPROCESSING),
    "FaceNet: how images were standardised in training. By default what the file says, else "
    "prewhiten for 128 dimensions (2017) and fixed for 512 (2018).",
)
_CHANNEL_ORDER = FLAGS.choice(
    "channel_order",
    None,
    ["RGB", "BGR"],
    "VGG-Face: the order of the channels in training, if the file's known default is wrong. The "
    "mean is turned with it.",
)
_INCLUDE_TOP = FLAGS.boolean(
    "include_top", False, "VGG-19 and ResNet-50: keep the fully connected layers."
)


def main(arguments: list[str]) -> None:
    """Convert as the flags say."""
    del arguments
    network = _given(weight_flags.NETWORK)
    output = Path(_given(file_flags.OUTPUT))
    if network == "morphable_model":
        raise InputError("a morphable model needs no conversion: the renderer reads every format.")
    source = registry.resolve(_given(_SOURCE), network)
    if source.exists() and output.is_file() and output.samefile(source):
        raise InputError(f"--output={output}: is the source itself.")
    file_flags.named_output(".h5")
    numbers = read(source, network)
    numbers.save(output, float16=_FLOAT16.value)
    # What was written is read back, so that a full disk or a faulty one is noticed now.
    shapes = {
        layer: {name: values.shape for name, values in weights.items()}
        for layer, weights in numbers.layers.items()
    }
    _, attributes = keras_h5.read_layer_weights(output, shapes)
    count = sum(v.size for weights in numbers.layers.values() for v in weights.values())
    print(f"{output}: {count:,} numbers of {len(shapes)} layers, {output.stat().st_size:,} bytes")
    for name, value in attributes.items():
        print(f"  {name}: {value}")


def _given(flag: flags.FlagHolder[str | None]) -> str:
    if not flag.value:
        raise InputError(f"--{flag.name} is needed; see --help.")
    return flag.value


def read(source: Path, network: str) -> NetworkWeights:
    """Read a source by the rules of its network and the flags."""
    if network == "facenet":
        numbers = read_facenet(source, _MOVING_AVERAGES.value)
        return _changed(numbers, preprocessing=_PREPROCESSING.value)
    for flag in (_MOVING_AVERAGES, _PREPROCESSING):
        if flag.value:
            raise InputError(f"--{flag.name} is for --network=facenet.")
    if network == "vgg_face":
        numbers = read_vgg_face(source)
        order = _CHANNEL_ORDER.value
        if order in (None, numbers.attributes["channel_order"]):
            return numbers
        mean = list(numbers.attributes["mean"])[::-1]
        return _changed(numbers, channel_order=order, mean=mean)
    if _CHANNEL_ORDER.value:
        raise InputError("--channel_order is for --network=vgg_face.")
    if network == "dlib":
        layers = keras_h5.layer_weights(dlib_resnet(source))
        return NetworkWeights(layers, source_attributes(source, "dlib", "dlib"))
    return read_imagenet(source, network, _INCLUDE_TOP.value)


def _changed(numbers: NetworkWeights, **attributes: Any) -> NetworkWeights:
    given = {name: value for name, value in attributes.items() if value is not None}
    return NetworkWeights(numbers.layers, {**numbers.attributes, **given})


if __name__ == "__main__":
    command_line.run(main, FLAGS)
