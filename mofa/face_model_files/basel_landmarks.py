"""What Basel's landmarks are among the 68, and where they lie in Basel's own meshes.

The Basel Face Models of 2017 and 2019 name some sixty points, `center.nose.tip` or
`right.eye.corner_outer`; the model of 2009 names none. Left and right are the person's there, too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mofa.arrays import Array

_log = logging.getLogger(__name__)


def _both_sides(pairs: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    return {
        f"{side}.{name}": own
        for name, both in pairs.items()
        for side, own in zip(("right", "left"), both, strict=True)
    }


BASEL: Mapping[str, str] = MappingProxyType(
    {
        "center.chin.tip": "jaw.9",
        "center.nose.tip": "nose_bridge.4",
        "center.nose.attachement_to_philtrum": "nose_base.3",
        "center.lips.upper.outer": "outer_lip.4",
        "center.lips.lower.outer": "outer_lip.10",
        "center.lips.upper.inner": "inner_lip.3",
        "center.lips.lower.inner": "inner_lip.7",
    }
    | _both_sides(
        {
            "eye.corner_outer": ("right_eye.1", "left_eye.4"),
            "eye.corner_inner": ("right_eye.4", "left_eye.1"),
            "nose.wing.tip": ("nose_base.1", "nose_base.5"),
            "nose.hole.center": ("nose_base.2", "nose_base.4"),
            "lips.corner": ("outer_lip.1", "outer_lip.7"),
            "lips.philtrum_ridge": ("outer_lip.3", "outer_lip.5"),
        }
    )
)
"""Basel's name to ours, where both mean one place. Of the jaw Basel has the chin alone, of the lids
a top and a bottom, of the brows a bend, which are none of the 68."""

# Vertices, counted from 0, as eos (Huber et al. 2016) states them for its fitting.
_OF_2009 = {
    "right_brow.1": 38792, "right_brow.3": 40087, "right_brow.5": 40514,
    "left_brow.1": 41091, "left_brow.3": 41511, "left_brow.5": 42825,
    "nose_bridge.4": 8319, "nose_base.3": 8334,
    "right_eye.1": 2088, "right_eye.4": 5959, "left_eye.1": 10603, "left_eye.4": 14472,
    "outer_lip.1": 5006, "outer_lip.4": 8344, "outer_lip.7": 11714, "outer_lip.10": 8374,
    "inner_lip.3": 8354, "inner_lip.7": 8366,
}  # fmt: skip
_OF_2017 = {
    "jaw.9": 47846, "nose_bridge.4": 8156,
    "right_eye.1": 2602, "right_eye.4": 5830, "left_eye.1": 10390, "left_eye.4": 13481,
    "outer_lip.1": 5522, "outer_lip.2": 6026, "outer_lip.3": 7355, "outer_lip.4": 8181,
    "outer_lip.5": 9007, "outer_lip.6": 10329, "outer_lip.7": 10857, "outer_lip.8": 9730,
    "outer_lip.9": 8670, "outer_lip.10": 8199, "outer_lip.11": 7726, "outer_lip.12": 6898,
    "inner_lip.1": 6291, "inner_lip.2": 7364, "inner_lip.3": 8190, "inner_lip.4": 9016,
    "inner_lip.5": 10088, "inner_lip.6": 8663, "inner_lip.7": 8191, "inner_lip.8": 7719,
}  # fmt: skip
MESHES: Mapping[int, tuple[str, Mapping[str, int]]] = MappingProxyType(
    {53490: ("BFM 2009", _OF_2009), 53149: ("BFM 2017", _OF_2017)}
)
"""Number of vertices to the mesh's name and its landmarks."""


def with_our_names(named: Mapping[str, int]) -> dict[str, int]:
    """Landmarks by all names that they have; what is named in our way already stays."""
    found = {BASEL[name]: vertex for name, vertex in named.items() if name in BASEL}
    return {**found, **named}


def known_mesh_landmarks(shape: Array) -> dict[str, int]:
    """The landmarks of a mesh of Basel's that comes without a list, known by its size.

    Args:
      shape: float [V, 3], the whole mesh's mean in our axes, mm.

    Returns:
      Name to vertex; nothing for a mesh that is not known, or on which they look like no face.
    """
    name, named = MESHES.get(len(shape), ("", {}))
    if not named:
        return {}
    if not _looks_like_a_face({key: shape[vertex] for key, vertex in named.items()}):
        _log.warning(
            "The mesh has as many vertices as %s, but its landmarks do not lie as on a face there; "
            "they are left out.",
            name,
        )
        return {}
    return dict(named)


def _looks_like_a_face(places: Mapping[str, Array]) -> bool:
    """Whether eyes, nose and mouth are in their order, and lie mirrored to within a centimetre."""
    right, left = (
        0.5 * (places[f"{side}_eye.1"] + places[f"{side}_eye.4"]) for side in ("right", "left")
    )
    nose = places["nose_bridge.4"]
    mouth = 0.5 * (places["outer_lip.1"] + places["outer_lip.7"])
    eyes = 0.5 * (right + left)
    apart = left[0] - right[0]
    middle = np.array([nose[0], mouth[0]]) - eyes[0]
    return bool(
        30.0 < apart < 100.0
        and eyes[1] > nose[1] > mouth[1]
        and nose[2] > max(eyes[2], mouth[2])
        and np.abs(middle).max() < 10.0
        and np.abs((left - right)[1:]).max() < 10.0
    )
