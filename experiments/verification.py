"""How well a target network verifies faces, measured as the field does.

    python -m experiments.verification                                  # ORL, drawn pairs
    python -m experiments.verification --dataset=lfw --data_dir=DIR --pairs=pairsDevTrain.txt

Accuracy over ten folds, each judged with the threshold of the other nine; ROC, equal error rate,
true accept rate at false accept rates of 1e-2 and 1e-3; the threshold over all pairs.
"""

from __future__ import annotations

import numpy as np
from absl import logging

from experiments.drawing.figures import save_roc
from experiments.face_verification.sentences import about_intervals
from experiments.flags import command_line, run_flags, verification_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.run_flags import SEED
from experiments.running.pairs_of_people import of_pairs
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from resgn.bring_your_own import chosen_target
from resgn.calibration import RocCurve, calibrate_threshold, ten_fold
from resgn.faces.alignment import aligned_faces
from resgn.faces.copies import without_copies
from resgn.faces.dataset import FaceDataset
from resgn.faces.landmarks import nobody
from resgn.faces.loading import load_dataset
from resgn.faces.pairs import FOLDS, Pairs, make_pairs, read_pairs
from resgn.target import embed_all

FLAGS = FlagGroup(verification_flags.FACES, run_flags.FLAGS)

_PAIRS = FLAGS.path(
    "pairs", None, "List of pairs in LFW's format, e.g. pairs.txt. Default: pairs drawn at random."
)
_DRAWN = FLAGS.integer(
    "drawn", 1000, "Pairs of each kind to draw where --pairs is not given.", lower=FOLDS
)
FALSE_ACCEPT_RATES = (0.01, 0.001)
PAPER_ACCURACY = {"dlib": 0.9938, "facenet": 0.9905}
"""On LFW's View 2, by the authors of the networks that come with the installation."""


def main(_: list[str]) -> None:
    """Align, embed, measure, write result and plot."""
    settings = verification_flags.faces()
    dataset = without_copies(
        load_dataset(settings.dataset, settings.data_dir, settings.skip_damaged)
    )
    pairs = choose_pairs(dataset)
    target = chosen_target(settings.target, settings.weights_of_target())
    run = Run(
        "verification",
        verification_flags.faces_given(settings)
        | {"pairs": _PAIRS.value, "drawn": _DRAWN.value, "seed": SEED.value},
        run_flags.place(),
    )
    used = np.unique(np.r_[pairs.probe, pairs.reference])
    faces = aligned_faces(dataset, used, crop=target.crop)
    if not len(faces):
        raise nobody(dataset, len(used))
    pairs = with_faces(pairs, faces.indices)
    rows = embed_all(target.compiled, faces.images)
    embeddings = np.full((len(dataset), rows.shape[1]), np.nan, np.float32)
    embeddings[faces.indices] = rows
    difference = embeddings[pairs.probe] - embeddings[pairs.reference]
    stated = None if settings.facenet_weights else PAPER_ACCURACY.get(target.name)
    row, roc = measure(
        target.name, np.sum(np.square(difference), axis=-1), pairs, dataset.people, stated
    )
    save_roc(run.folder / "roc.png", {target.name: roc})
    table = run.finish(
        [row], "float32", "target", notes(dataset, pairs), plain=("threshold",), auc=roc.auc()
    )
    print("\n" + table)
    print(f"{run.folder}: verification.md, verification.csv, result.json, roc.png")


def choose_pairs(dataset: FaceDataset) -> Pairs:
    """The pairs of --pairs, or drawn ones in ten folds."""
    if _PAIRS.value:
        return read_pairs(_PAIRS.value, dataset)
    pairs = make_pairs(
        dataset.people, np.arange(len(dataset)), _DRAWN.value, _DRAWN.value, SEED.value
    )
    fold = np.tile(np.arange(_DRAWN.value) % FOLDS, 2)
    return Pairs(pairs.probe, pairs.reference, pairs.same, fold)


def with_faces(pairs: Pairs, indices: np.ndarray) -> Pairs:
    """The pairs in whose images a face was found; how many are left out is logged."""
    there = np.isin(pairs.probe, indices) & np.isin(pairs.reference, indices)
    if not there.all():
        logging.warning(
            "%d of %d pairs are left out: no face was found in an image.",
            np.count_nonzero(~there),
            len(pairs),
        )
    return pairs.select(there)


def measure(
    target: str,
    distances: np.ndarray,
    pairs: Pairs,
    people: np.ndarray,
    stated: float | None = None,
) -> tuple[Row, RocCurve]:
    """All figures of one target on pairs with folds, and the accuracy that its author states.

    Args:
      target: its name.
      distances: of the pairs, `[P]`.
      pairs: as rows of images.
      people: int `[I]`, whom each image shows.
      stated: the accuracy.
    """
    if pairs.fold is None:
        raise ValueError("pairs need folds.")
    correct, _ = ten_fold(distances, pairs.same, pairs.fold)
    roc = RocCurve.of(distances, pairs.same)
    genuine = int(np.count_nonzero(pairs.same))
    ends = people[pairs.probe], people[pairs.reference]
    columns = {"accuracy": of_pairs(correct, ends, stated)}
    columns["eer"] = Measurement.bare(roc.equal_error_rate(), len(pairs))
    for far in measured_rates(pairs):
        # Without an interval: its threshold is of the same impostors.
        columns[f"tar_at_far_{far:g}"] = Measurement.bare(roc.tar_at_far(far), genuine)
    threshold = calibrate_threshold(distances, pairs.same)
    columns["threshold"] = Measurement.bare(threshold, len(pairs))
    return Row(target, columns), roc


def measured_rates(pairs: Pairs) -> list[float]:
    """The false accept rates that one impostor or more of these pairs makes up."""
    impostors = np.count_nonzero(~pairs.same)
    return [far for far in FALSE_ACCEPT_RATES if impostors >= round(1 / far)]


def notes(dataset: FaceDataset, pairs: Pairs) -> str:
    """What was measured on which pairs, and what of it has no interval or is left out."""
    sentences = [
        f"{len(pairs)} pairs of {dataset.name}; 95 % interval of the accuracy in round "
        "brackets; in square ones the accuracy that the network's author gives for LFW's View 2.",
        about_intervals(pairs, dataset.people),
        "tar_at_far_... has no interval: its threshold is read from the same impostors.",
    ]
    left_out = [
        f"tar_at_far_{far:g} is left out: it needs {round(1 / far)} pairs of two people, and there "
        f"are {np.count_nonzero(~pairs.same)}."
        for far in FALSE_ACCEPT_RATES
        if far not in measured_rates(pairs)
    ]
    return " ".join([*sentences, *left_out])


if __name__ == "__main__":
    command_line.run(main, FLAGS)
