"""The flags that name identity classifiers."""

from __future__ import annotations

from pathlib import Path

from experiments.flags import mofa_flags
from experiments.flags.groups import FlagGroup
from mofa.identity import DEFAULT_PATHS, KINDS, IdentityClassifier, load_identity

FLAGS = FlagGroup(mofa_flags.FLAGS)

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


def path(kind: str) -> Path:
    """The file of the classifier of this kind."""
    given = _PATHS[kind].value
    return Path(given).expanduser() if given else DEFAULT_PATHS[kind]


def classifier(kind: str) -> IdentityClassifier:
    """The classifier of this kind that the flags name.

    Raises:
      InputError: the file is missing, damaged, of another kind, or was trained for the codes of
        another encoder.
    """
    return load_identity(
        path(kind),
        kind,
        used={"encoder": mofa_flags.encoder_path()} if kind == "code" else None,
        allow_mismatch=mofa_flags.ALLOW_MISMATCH.value,
    )
