"""Entry points: one file for each table, figure or command. The only room with flags."""

import os
import sys
import types

import weights  # noqa: F401 - settles which Keras it is before TensorFlow is imported
from experiments.running.quiet_import import QuietTensorFlow

# TensorFlow's log lines are about missing GPUs.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "tensorflow" not in sys.modules:
    sys.meta_path.insert(0, QuietTensorFlow())


def _end_quietly(
    kind: type[BaseException], error: BaseException, trace: types.TracebackType | None
) -> None:
    """Ctrl-C while TensorFlow is still being imported leaves no traceback either."""
    if issubclass(kind, KeyboardInterrupt):
        print("\ninterrupted.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


if sys.argv[:1] == ["-m"]:  # `python -m experiments...`, not somebody's import
    sys.excepthook = _end_quietly
