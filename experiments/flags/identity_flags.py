"""The flags that name identity classifiers."""

from __future__ import annotations

from experiments.flags.groups import FlagGroup
from mofa.identity import KINDS, IdentityClassifier, load_identity

FLAGS = FlagGroup()

_PATHS = {
    kind: FLAGS.path(
        f"identity_{kind}",
        None,
        f"Identity classifier on {kind}s, a file of train_identity; the project's own small one.",
    )
    for kind in KINDS
}
CALIBRATE = FLAGS.boolean(
    "calibrate",
    True,
    "Set the classifiers' thresholds on the validation people of the data at hand; otherwise those "
    "stored with them.",
)


def classifier(kind: str) -> IdentityClassifier:
    """The classifier of this kind that the flags name.

    Raises:
      InputError: the file is missing, damaged, or of another kind.
    """
    return load_identity(_PATHS[kind].value, kind)
