"""What the numbers of an experiment mean, as a version: no run goes on under another one.

Flags say what a run was told, the commit which code it was; neither says whether rows of yesterday
may stand beside rows of today. Raise an experiment's number here with any change after which the
same flags give results of another meaning (of rounding, of a budget, of a column).
"""

from __future__ import annotations

KEY = "results_version"
"""Under which the version stands in a run's `flags.json`."""

FIRST = 1
"""The version of runs whose `flags.json` names none."""

_STORED_IMAGES = 2  # attacked images are judged as they are stored, within epsilon in 8 bits

_ALL_VIEWS = 3  # the worst case has attacks by verdicts alone and from another network

_IN_STAGES = 3  # each stage of PGD begins where the last one ended, for random defences, too

_TOLD_APART = 3  # who knows the detector attacks faces whose targets a calibrated judge tells apart

_VERSIONS = dict.fromkeys(
    (
        *("adaptive", "attack_intensity", "gallery", "sweep", "table1"),
        *("defense", "detection", "mofa_attack", "mofa_intensity", "mofa_sweep", "refined_defense"),
    ),
    _STORED_IMAGES,
) | {"adaptive": _ALL_VIEWS, "table1": _IN_STAGES, "detection": _TOLD_APART}


def results_version(experiment: str) -> int:
    """The version of an experiment's results, by its name."""
    return _VERSIONS.get(experiment, FIRST)
