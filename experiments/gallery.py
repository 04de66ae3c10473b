"""Figure 2 of Su et al. 2019: a reference, a probe under attack, and the probe cleaned.

    python -m experiments.gallery                                  # from the test pairs of ORL
    python -m experiments.gallery --dataset=lfw --data_dir=DIR
    python -m experiments.gallery --probe=a.jpg --reference=b.jpg  # your own photographs

Below each probe stands its distance to the reference and what the target makes of it. The pairs are
the first of the test set, not chosen by how they look, and the table has the medians over all of
them. ResGN is the joint one of Table 1, from the cache or trained now, or that of --weights. For
your own photographs it is the small one that comes with the project, unless --weights names
another; the face is found and aligned by itself (of several the one that is large and near the
middle), and it is attacked to be taken for another person if both show the same one, and for the
reference otherwise.
"""

from __future__ import annotations

import logging

import numpy as np
import tensorflow as tf

from attacks import FGSM, Dodging, Impersonation, with_levels
from experiments.face_verification.examples import (
    Example,
    Judge,
    medians,
    save_gallery,
    save_images,
)
from experiments.face_verification.trained_cleaners import TrainedCleaners
from experiments.face_verification.trained_elsewhere import about_origin, warn_of_people
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import (
    command_line,
    generator_flags,
    intensity_flags,
    run_flags,
    verification_flags,
)
from experiments.flags.groups import FlagGroup
from experiments.flags.strategy_flags import restarting
from experiments.running.results import Row
from experiments.running.run import Run
from resgn.faces.alignment import align_photograph
from resgn.saved_generator import SavedGenerator, load_generator, packaged
from resgn.target import to_float
from resgn.verification import squared_distance
from weights.errors import InputError

_log = logging.getLogger(__name__)

FLAGS = FlagGroup(verification_flags.FLAGS, intensity_flags.FLAGS, generator_flags.FLAGS)

_EXAMPLES = FLAGS.integer(
    "examples", 3, "Pairs shown of each kind, dodging and impersonation.", lower=1
)
_PROBE = FLAGS.path("probe", None, "Your photograph that is attacked and cleaned.")
_REFERENCE = FLAGS.path("reference", None, "Your photograph that it is compared with.")


def main(_: list[str]) -> None:
    """Collect the examples and draw them."""
    if (_PROBE.value is None) != (_REFERENCE.value is None):
        raise InputError("--probe and --reference belong together: give both photographs.")
    epsilon = intensity_flags.intensity()
    weights = generator_flags.WEIGHTS.value
    photographs = [path for path in (_PROBE.value, _REFERENCE.value) if path is not None]
    given = bool(photographs or weights)
    experiment = verification_flags.experiment(texture=not given)
    saved = load_generator(weights or packaged(experiment.target)) if given else None
    if photographs and experiment.settings.image_range != "plain":
        raise InputError("--image_range=lopez is made of many images: leave out your photographs.")
    own = [align_photograph(path, crop=experiment.target.crop) for path in photographs]
    more = {
        "probe": _PROBE.value,
        "reference": _REFERENCE.value,
        "weights": weights,
        "examples": _EXAMPLES.value,
        "eps": epsilon,
    }
    run = Run(
        "gallery",
        experiment.flat_settings(more),
        run_flags.place(),
        experiment.devices,
    )
    if saved is not None and (told := saved.told_of(experiment.target)):
        _log.warning("%s", told)
    origin = ""
    if saved is None:
        if experiment.settings.start_from:
            origin = " " + about_origin("The ResGN began with")
        run.same_data(experiment.legitimate.images)
        resgns = TrainedCleaners(experiment, run)
        cleaner = resgns.get(resgns.recipe("joint", epsilon))
        examples = first_examples(experiment, cleaner, epsilon, _EXAMPLES.value)
    elif own:
        examples = [own_example(experiment, saved, own[0], own[1], epsilon)]
    else:
        warn_of_people(str(saved.path))
        origin = " " + about_origin("The ResGN has")
        cleaner = saved.model
        examples = first_examples(experiment, cleaner, epsilon, _EXAMPLES.value)

    title = f"FGSM with eps {with_levels([epsilon])} against {experiment.target.name}"
    save_gallery(run.folder / "gallery.png", examples, epsilon, title)
    save_images(run.folder / "images", examples)
    rows = [Row(example.name, example.measurements()) for example in examples]
    if not own:
        rows += medians(
            experiment.sets.attacked("test", epsilon),
            experiment.undefended,
            experiment.defended(cleaner),
        )
    notes = (
        "Squared distances of unit embeddings to the reference; the same person where the "
        f"distance is below the threshold. FGSM with eps {with_levels([epsilon])}, 8-bit images."
        + ("" if own else " Medians over all test pairs, quartiles in round brackets.")
        + origin
    )
    plain = tuple(rows[0].columns)
    facts = experiment.devices.facts()
    table = run.finish(rows, experiment.settings.precision, "pair", notes, plain, **facts)
    print("\n" + table)
    print(f"{run.folder}: gallery.png, images/, gallery.md, gallery.csv, result.json")


def threshold_of(saved: SavedGenerator, experiment: VerificationExperiment) -> float:
    """The target's threshold: the one that the ResGN learned with, else that of the data set.

    The file's is another network's where the ResGN was trained for one, even of the same name, and
    for noisy copies where it is a denoiser.
    """
    fits = saved.told_of(experiment.target) is None and "sigma" not in saved.about
    if fits and "threshold" in saved.about:
        return float(saved.about["threshold"])
    return experiment.legitimate.threshold


def own_example(
    experiment: VerificationExperiment,
    saved: SavedGenerator,
    probe: np.ndarray,
    reference: np.ndarray,
    epsilon: float,
) -> Example:
    """Attack and clean one aligned face, uint8 `[160, 160, 3]`, compared with another."""
    threshold = threshold_of(saved, experiment)
    judge = Judge(experiment.target.compiled, saved.model, threshold)
    embeddings = judge.embed(to_float(np.stack([probe, reference])))
    same = bool(squared_distance(embeddings[0], embeddings[1]) < threshold)
    criterion = (Dodging if same else Impersonation)(embeddings[1:].numpy(), threshold)
    result = FGSM()(experiment.target, probe[None], criterion, epsilons=[epsilon])
    kind = "dodging" if same else "impersonation"
    return judge.example(kind, same, reference, probe, result.stored[0, 0])


def first_examples(
    experiment: VerificationExperiment, cleaner: tf.keras.Model, epsilon: float, count: int
) -> list[Example]:
    """The first test pairs of one person, then the first of two.

    Raises:
      InputError: there are fewer of them.
    """
    test = experiment.sets.attacked("test", epsilon)
    judge = Judge(experiment.target.compiled, cleaner, test.threshold)
    examples = []
    for same, kind in ((True, "dodging"), (False, "impersonation")):
        pairs = np.flatnonzero(test.same == same)
        if len(pairs) < count:
            raise InputError(
                f"--examples={count}: there are {len(pairs)} test pairs ({kind}); ask for fewer."
            )
        for number, pair in enumerate(pairs[:count], start=1):
            reference, probe = test.images[test.reference[pair]], test.images[test.probe[pair]]
            examples.append(
                judge.example(f"{kind} {number}", same, reference, probe, test.adversarial[pair])
            )
    return examples


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
