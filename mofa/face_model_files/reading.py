"""A morphable model from a file of any supported kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mofa.face_model_files.basel_2009 import files_of_2009, read_basel_2009
from mofa.face_model_files.basel_hdf5 import WHERE_BASEL_IS, read_basel_hdf5
from mofa.face_model_files.ict import read_ict
from mofa.face_model_files.landmark_lists import LandmarkFile
from mofa.morphable_model import MorphableModel
from weights import made_for
from weights.errors import InputError, brief

_WEIGHTS = Path(__file__).parents[2] / "weights"
DEFAULT_PATH = _WEIGHTS / "open_face_model.h5"
LEARNED_PATH = _WEIGHTS / "learned_face_model.h5"
"""The open model's geometry with an albedo learned from photographs."""
OWN_MODELS = {"open": DEFAULT_PATH, "learned": LEARNED_PATH}
"""The models that come along, by the names that encoders' files call them."""

# What libraries make of damaged files; sizes that lie exhaust the memory.
_DAMAGE = (OSError, LookupError, ValueError, TypeError, RuntimeError, ArithmeticError, MemoryError)


def content(path: str | os.PathLike[str] | None = None) -> made_for.Content:
    """What a model of any kind is, to be named by what was made for it.

    Args:
      path: as for `read`; the expressions beside a BFM 2009 count, for without them its mesh and
        its codes are others.

    Raises:
      OSError: there is no such file.
    """
    path = Path(DEFAULT_PATH if path is None else path).expanduser()
    return made_for.content(path, *(files_of_2009(path) if path.suffix.lower() == ".mat" else ()))


def read(
    path: str | os.PathLike[str] | None = None,
    landmarks: str | os.PathLike[str] | None = None,
    require_landmarks: bool = True,
) -> MorphableModel:
    """Read a morphable model of any supported kind.

    Args:
      path: None for the open default model; `.h5` for BFM 2017 or 2019 and for our own; `.mat` for
        BFM 2009, with `Exp_Pca.bin`, `std_exp.txt`, `BFM_exp_idx.mat` and `BFM_front_idx.mat`
        beside it for expressions; a folder of OBJ files for ICT-FaceKit. Where a file has more
        modes than the code has room for, the first ones are taken; where fewer, the rest is zero.
      landmarks: a JSON file {name: vertex} of landmarks that the model does not name itself, by our
        names (`mofa.landmarks.NAMES`) or Basel's, vertices counted from 0 in the file's whole mesh.
      require_landmarks: fail where one is missing that no photograph can be cut out or compared
        without (`mofa.landmarks.LEAST`).

    Returns:
      The model.

    Raises:
      InputError: the file is missing, damaged, of another kind, or inconsistent.
    """
    path = Path(DEFAULT_PATH if path is None else path).expanduser()
    reader: Callable[[Path, LandmarkFile | None], MorphableModel]
    if path.is_dir():
        reader = read_ict
    elif not path.exists():
        raise InputError(
            f"there is no morphable model at {path}; give a BFM .h5 or .mat file "
            f"({WHERE_BASEL_IS}), an ICT-FaceKit folder, or nothing for the open default model"
        )
    elif path.suffix.lower() == ".mat":
        reader = read_basel_2009
    elif path.suffix.lower() in (".h5", ".hdf5"):
        reader = read_basel_hdf5
    else:
        raise InputError(
            f"{path.name} is no morphable model that we know: expected .h5 (BFM 2017, 2019), .mat "
            "(BFM 2009) or a folder (ICT-FaceKit)"
        )
    given = None if landmarks is None else LandmarkFile.read(landmarks)
    try:
        model = reader(path, given)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(
            f"{path.name} could not be read as a morphable model ({brief(error)}); it may be "
            "truncated or of another kind: copy or download it again"
        ) from error
    if require_landmarks:
        model.check_landmarks()
    return model
