"""What TensorFlow must be told before it is first imported: Keras 2, and oneDNN's kernels.

The project is written for Keras 2. TensorFlow up to 2.15 brings it as `tf.keras`; later ones bring
Keras 3, and take Keras 2 from the package `tf-keras` where TF_USE_LEGACY_KERAS says so. `weights`
and every room that builds networks settle this when they are imported, so that nobody else has to.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata, util

_LEGACY = "TF_USE_LEGACY_KERAS"
_YES = ("1", "true", "True")  # as TensorFlow reads it
_KERAS_3 = "tf.keras is Keras 3 here, and this project needs Keras 2: "


def settle() -> None:
    """Set both in the environment of this process; what the user has set himself stays.

    Raises:
      ImportError: `tf.keras` is Keras 3, or would be.
    """
    # oneDNN's convolutions train twice as fast, but TensorFlow leaves them off on processors
    # without AVX-512.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if util.find_spec("tf_keras") is not None:
        if os.environ.setdefault(_LEGACY, "1") not in _YES:
            raise ImportError(
                f"{_KERAS_3}{_LEGACY}={os.environ[_LEGACY]} asks for it. Unset {_LEGACY}."
            )
    elif _major_version("keras") >= 3:
        raise ImportError(
            f"{_KERAS_3}from TensorFlow 2.16 on that is a package "
            "of its own, of the same version as TensorFlow: pip install tf-keras"
        )
    else:
        # Keras 2 is all there is, yet TensorFlow 2.15 would look for the package if it were set.
        os.environ.pop(_LEGACY, None)
    # TensorFlow chooses when `tf.keras` is first used; this may be the first use. Only Keras 3 has
    # its version there.
    keras = getattr(sys.modules.get("tensorflow"), "keras", None)
    if getattr(keras, "__version__", "2").startswith("3"):
        raise ImportError(
            f"{_KERAS_3}TensorFlow was imported and its Keras used before this project. Import the "
            f"project first, or set {_LEGACY}=1 before TensorFlow is imported."
        )


def _major_version(package: str) -> int:
    """0 where it is not installed."""
    try:
        return int(metadata.version(package).split(".")[0])
    except metadata.PackageNotFoundError:
        return 0
