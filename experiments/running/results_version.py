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

_FRESH_DRAWS = 4  # rows of budgets before random defences are decided by draws no search has seen

_IN_STAGES = 3  # each stage of PGD begins where the last one ended, for random defences, too

_IN_ITS_UNIT = 5  # who knows a detector lowers its score only as far as silence needs

_RIGHT_RADII = 2  # the radius of a wrong decision counts as 0 in its median

_BY_WHOLE_FIT = 4  # the best image of the attack through the refinement is the defence's choice

_EVERYBODY = 2  # before a random defence every pair is attacked at each budget

_ALIKE = 4  # whoever stands before MoFA with no defence is attacked as hard as one behind one

_VERSIONS = dict.fromkeys(
    (
        *("adaptive", "attack_intensity", "gallery", "sweep", "table1"),
        *("defense", "detection", "mofa_attack", "mofa_intensity", "mofa_sweep", "refined_defense"),
    ),
    _STORED_IMAGES,
) | {
    "adaptive": _FRESH_DRAWS,
    "certify": _RIGHT_RADII,
    "defense": _ALIKE,
    "detection": _IN_ITS_UNIT,
    "linf_curve": _EVERYBODY,
    "refined_defense": _BY_WHOLE_FIT,
    "table1": _IN_STAGES,
}


def results_version(experiment: str) -> int:
    """The version of an experiment's results, by its name."""
    return _VERSIONS.get(experiment, FIRST)
