"""Find the ORL faces again, landmarks and boxes, and store them in the project.

The default data set then needs no detection at run time:

    python -m experiments.orl_landmarks
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import resgn.faces
from experiments.flags import command_line, file_flags
from experiments.flags.groups import FlagGroup
from resgn.faces.landmarks import detect_places, images_digest
from resgn.faces.orl import load_orl
from weights.atomic import atomic_path
from weights.errors import InputError

FLAGS = FlagGroup(file_flags.FLAGS)


def main(argv: list[str]) -> None:
    """Write JSON: a file name and seven (x, y) a line, see `detect_places`, two decimals."""
    del argv
    default = Path(resgn.faces.__file__).with_name("orl_landmarks.json")
    output = file_flags.named_output(".json") or default
    dataset = load_orl()
    places = detect_places(dataset.image(index) for index in range(len(dataset)))
    missing = [
        file for file, points in zip(dataset.files, places, strict=True) if np.isnan(points).any()
    ]
    if missing:
        raise InputError(
            f"No face found in {missing[0]} and {len(missing) - 1} others; nothing is written."
        )
    lines = [
        f"{json.dumps(file)}: {json.dumps(np.round(points.astype(float), 2).tolist())}"
        for file, points in zip(dataset.files, places, strict=True)
    ]
    with atomic_path(output) as temporary:
        temporary.write_text(
            f'{{"sha256": "{images_digest(dataset)}",\n"places": {{\n'
            + ",\n".join(lines)
            + "\n}}\n",
            "utf-8",
        )
    print(f"{len(lines)} faces of ORL: {output}")


if __name__ == "__main__":
    command_line.run(main, FLAGS)
