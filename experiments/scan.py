"""Look for attacked faces among images: scores and a verdict for each file.

    python -m experiments.scan folder/ --output=verdicts
    python -m experiments.scan a.png b.jpg

The face is found, turned upright and cut out; a picture of 224x224 pixels is taken as cut out
already. An image is flagged if one of its scores reaches its threshold, which are those of
`thresholds.json` in the folder of a run of `experiments.detection` (--thresholds), from normal
faces alone. `verdicts.csv` and `verdicts.json` get a line for each file. Files that cannot be read
or show no face are named and skipped; the exit code is then 1.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import sys
from pathlib import Path

import numpy as np
import tqdm

import weights as weights_room
from detector.scores import SCORES
from detector.threshold_file import read_thresholds
from experiments.face_autoencoder.face_detector import DetectorSettings, FaceDetector
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.own_faces import read_face
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.flags import command_line
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.json_files import write_json
from experiments.running.results import write_text
from experiments.running.settings import part
from mofa.arrays import Array
from mofa.photographs import SIZE, crop_template
from resgn.faces.image_file import read_image
from resgn.faces.image_files import KINDS, images_below
from weights.errors import InputError

DEFAULT_THRESHOLDS = Path(weights_room.__file__).parent / "detector_thresholds.json"
BATCH = 16


@dataclasses.dataclass(frozen=True)
class ScanSettings:
    """What judges images, and where to.

    Attributes:
      output: where to write, without ending.
      thresholds: file of a run of detection; None for the project's own.
      force: overwrite what is there.
    """

    autoencoder: AutoencoderSettings = part(
        AutoencoderSettings(), skip=("preset", "identities", "images_per_identity")
    )
    detector: DetectorSettings = part(DetectorSettings())
    output: str = "verdicts"
    thresholds: str | None = None
    force: bool = False


SETTINGS = CommandFlags(
    ScanSettings,
    {
        "output": "Where to write, without ending: OUTPUT.csv and OUTPUT.json.",
        "thresholds": "thresholds.json of a run of detection; the project's own by default.",
        "force": "Overwrite what is there.",
    },
)
FLAGS = SETTINGS.group


def main(argv: list[str]) -> None:
    """Read, score, judge, write."""
    if not argv[1:]:
        raise InputError("Name images or folders: python -m experiments.scan folder/")
    settings = SETTINGS.settings()
    files = files_to_scan([Path(name).expanduser() for name in argv[1:]])
    outputs = [Path(f"{settings.output}{ending}") for ending in (".csv", ".json")]
    for output in outputs:
        if output.exists() and not settings.force:
            raise InputError(f"{output} is there already; --force overwrites it.")
    experiment = MofaExperiment(settings.autoencoder, ("code",))
    detector = FaceDetector(experiment, settings.detector)
    judge = read_thresholds(
        settings.thresholds or DEFAULT_THRESHOLDS,
        settings.detector.temperature,
        detector.files(),
        settings.autoencoder.faces.allow_mismatch,
    )
    template = crop_template(experiment.renderer)
    verdicts: list[dict[str, object]] = []
    failed = 0
    waiting: list[tuple[Path, Array]] = []

    def score() -> None:
        if not waiting:
            return
        images = np.stack([image for _, image in waiting])
        scores = detector.scores.measure(images, BATCH)
        flagged = judge.flags(scores)
        for number, (path, _) in enumerate(waiting):
            found = {name: float(scores[name][number]) for name in SCORES}
            verdicts.append({"file": str(path), **found, "attacked": bool(flagged[number])})
        waiting.clear()

    with tqdm.tqdm(files, desc="scanning", unit="image") as bar:
        for path in bar:
            try:
                waiting.append((path, face_of(path, template)))
            except InputError as error:
                failed += 1
                bar.write(f"skipped: {error}", file=sys.stderr)
                verdicts.append({"file": str(path), "error": str(error)})
            if len(waiting) == BATCH:
                score()
        score()
    order = {str(path): number for number, path in enumerate(files)}
    verdicts.sort(key=lambda verdict: order[str(verdict["file"])])
    known = {"thresholds": dict(judge.thresholds), "false_alarms": judge.false_alarms}
    write_json(outputs[1], known | {"images": verdicts})
    write_text(outputs[0], as_csv(verdicts))
    attacked = sum(bool(verdict.get("attacked")) for verdict in verdicts)
    print(
        f"{len(files) - failed} scanned, {attacked} look attacked, {failed} skipped: "
        f"{outputs[0]}, {outputs[1]}"
    )
    if judge.false_alarms is not None:
        print(f"These thresholds flagged {judge.false_alarms:.0%} of other people's normal faces.")
    if failed:
        sys.exit(1)


def files_to_scan(paths: list[Path]) -> list[Path]:
    """The image files among and below these, each once, hidden ones left out.

    Raises:
      InputError: a path does not exist, or there are no images.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_file():
            files[path] = None
        elif path.is_dir():
            files.update(dict.fromkeys(images_below(path)))
        else:
            raise InputError(f"{path}: there is no such file or folder.")
    if not files:
        raise InputError(f"No images ({KINDS}) are there.")
    return list(files)


def face_of(path: Path, template: Array) -> Array:
    """The face in an image, float32 [224, 224, 3] in [0, 1].

    Raises:
      InputError: the file cannot be read, or no face was found.
    """
    image = read_image(path)
    if image.shape[:2] == (SIZE, SIZE):
        return image.astype(np.float32) / np.float32(255.0)
    return read_face(path, template)[0]


def as_csv(verdicts: list[dict[str, object]]) -> str:
    """A line for each file: scores and verdict, or what was wrong."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["file", *SCORES, "attacked", "error"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(verdicts)
    return text.getvalue()


if __name__ == "__main__":
    command_line.run(main, FLAGS, positional=True)
