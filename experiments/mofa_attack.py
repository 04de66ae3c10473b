"""The attack on MoFA: Figures 1 and 3 of Teng 2021, and how often it succeeds.

    python -m experiments.mofa_attack                                        # rendered people
    python -m experiments.mofa_attack --dataset=celeba --data_dir=DIR --pairs=200
    python -m experiments.mofa_attack --source=a.jpg --target=b.jpg          # your own photographs
    python -m experiments.mofa_attack --rows=all

A picture of one person is changed so that the autoencoder gives the code of another. Success means
that the identity classifier then accepts it as the target and rejects it as the source; only pairs
that it tells apart beforehand are attacked. `panel.png` shows for the first pairs source,
perturbation (ten times), adversarial image, target, and the reconstructions of the three.

Rows: `mofa` is Algorithm 1 on the code; `vgg19` the same attack on the image classifier's
embedding, judged by it; `fgsm`, `pgd` and `l2` other attacks on the code with the same largest
change, or a budget in L2; `shape`, `expression`, `albedo`, `pose` and `light` move that part of the
code and keep the others; `universal` adds one perturbation, learned on other pairs with one target,
to every source; `transfer` puts the images of `mofa` before the encoder of --transfer_encoder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tqdm

from attacks import FGSM, PGD, Attack, Criterion, UniversalPerturbation, minimum_epsilon, stored
from attacks.universal import add
from experiments.face_autoencoder import mofa_experiment
from experiments.face_autoencoder.mofa_experiment import MofaExperiment, amplified, through_jpeg
from experiments.face_autoencoder.mofa_victim import (
    BATCH,
    NUMBERS,
    Attacked,
    AttackedPairs,
    Function,
    Victim,
)
from experiments.face_autoencoder.own_faces import about_own_pair, own_pair
from experiments.flags import attack_flags, command_line, run_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.preset_flags import PresetFlags
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from mofa import encoder
from resgn.faces.image_file import write_image
from resgn.target import to_float
from weights.errors import InputError

FLAGS = FlagGroup(mofa_experiment.FLAGS)

PRESETS = PresetFlags(
    FLAGS,
    {
        "pairs": "Pairs to attack.",
        "identities": "Rendered people.",
        "images_per_identity": "Pictures of each.",
        "universal_steps": "Mini-batches of the universal perturbation.",
        "minimum_pairs": "Pairs for which the smallest epsilon is searched; 0 for none.",
    },
    zero=("minimum_pairs",),
    laptop={
        "pairs": 64,
        "identities": 60,
        "images_per_identity": 4,
        "universal_steps": 60,
        "minimum_pairs": 16,
    },
    paper={
        "pairs": 1000,
        "identities": 1000,
        "universal_steps": 1000,
        "minimum_pairs": 200,
    },
    smoke={
        "pairs": 2,
        "identities": 8,
        "images_per_identity": 1,
        "universal_steps": 2,
        "minimum_pairs": 1,
    },
)
_EPS = FLAGS.number("eps", 0.05, "Epsilon of Algorithm 1.", "(0, inf)")
_ROWS = FLAGS.names(
    "rows", ["mofa", "vgg19"], "Attacks to measure, see above; all for all of them."
)
_L2 = FLAGS.number(
    "l2_budget", 3.0, "Budget of the row l2: length of the whole perturbation.", "(0, inf)"
)
_SOURCE = FLAGS.path("source", None, "A photograph of your own, to be attacked.")
_TARGET = FLAGS.path("target", None, "The photograph that it is to be taken for.")
_TRANSFER = FLAGS.path("transfer_encoder", None, "Another encoder, for the row transfer.")


KINDS = {"mofa": "code", "vgg19": "image"}
PARTS: dict[str, tuple[str, ...]] = {
    name: (name,) for name in ("shape", "expression", "albedo", "light")
}
PARTS["pose"] = ("rotation", "translation")
"""Terms of Eq. 1, and the parts of the code that they are about."""
ROWS = ("mofa", "vgg19", "fgsm", "pgd", "l2", *PARTS, "universal")
SHOWN = 8


def main(argv: list[str]) -> None:
    """Attack, judge, draw."""
    del argv
    values = PRESETS.settle()
    names = rows_asked_for()
    experiment = MofaExperiment()
    names_of_flags = ("eps", "rows", "l2_budget", "source", "target", "transfer_encoder")
    run = Run(
        "mofa_attack",
        experiment.settings(**values) | run_flags.settings_from_flags(list(names_of_flags)),
        run_flags.place(),
    )
    pairs, learning = pairs_to_attack(experiment, values, "universal" in names)
    run.same_data(pairs.sources, pairs.targets)
    attacks = Attacks(experiment, pairs, learning, values)
    rows = []
    for name in tqdm.tqdm(names, desc="attacks", unit="row"):

        def measure(name: str = name) -> Row:
            return Row(name, attacks.measure(name, attacks.craft(name)))

        rows.append(run.measured(name, measure))
    if values["minimum_pairs"]:
        rows.append(
            run.measured("minimum_epsilon", lambda: attacks.minimum(values["minimum_pairs"]))
        )
    draw(experiment, run, pairs, attacks.craft("mofa"))
    trace(attacks, run)
    about = experiment.about(pairs)
    if _SOURCE.value is not None:
        about = about_own_pair(pairs, _SOURCE.value, _TARGET.value)
    notes = (
        f"{about} Epsilon {attack_flags.in_words([_EPS.value])}, "
        f"cap {attack_flags.CAP.value:g}, "
        f"reading {attack_flags.READING.value}, pose term {attack_flags.POSE_TERM.value}. "
        "`matched`: the distance of Eq. 1 to the target has halved; `way`: the share of it that is "
        "covered; `pose_way`: of rotation and translation; `change`: the largest change of a "
        "pixel before it is stored, in grey levels of 255. success_8bit, success_jpeg and "
        "minimum_epsilon are of stored images."
    )
    plain = (*NUMBERS, "pose_way", "median", "90%")
    print("\n" + run.finish(rows, "float32", "attack", notes, plain=plain, **pairs.facts()))
    print(f"{run.folder}: mofa_attack.md, .csv, result.json, panel.png, adversarial_*.png")


def rows_asked_for() -> list[str]:
    """The rows of --rows.

    Raises:
      InputError: one is unknown, or `transfer` lacks its encoder.
    """
    names: list[str] = []
    for name in _ROWS.value:
        names += ROWS if name == "all" else [name]
    unknown = [name for name in names if name not in (*ROWS, "transfer")]
    if unknown or not names or len(set(names)) != len(names):
        raise InputError(
            f"--rows names {', '.join(names) or 'nothing'}; choose, each once, from "
            f"{', '.join(ROWS)}, transfer, or all."
        )
    if ("transfer" in names) and _TRANSFER.value is None:
        raise InputError("The row transfer needs another encoder: --transfer_encoder=PATH.")
    if (_SOURCE.value is None) != (_TARGET.value is None):
        raise InputError("--source and --target belong together: give both or neither.")
    if "universal" in names and _SOURCE.value is not None:
        raise InputError("The row universal needs many people: leave out --source and --target.")
    return names


def pairs_to_attack(
    experiment: MofaExperiment, values: dict[str, int], universal: bool
) -> tuple[AttackedPairs, AttackedPairs | None]:
    """The pairs, and as many more to learn a universal perturbation from if one is wanted."""
    if _SOURCE.value is not None and _TARGET.value is not None:
        own = own_pair(experiment.victim, experiment.renderer, _SOURCE.value, _TARGET.value)
        return own, None
    count = values["pairs"]
    pairs = experiment.pairs(
        2 * count if universal else count, values["identities"], values["images_per_identity"]
    )
    if not universal:
        return pairs, None
    return pairs.part(slice(count)), pairs.part(slice(count, None))


class Attacks:
    """Every row's attack on the same pairs."""

    def __init__(
        self,
        experiment: MofaExperiment,
        pairs: AttackedPairs,
        learning: AttackedPairs | None,
        values: dict[str, int],
    ) -> None:
        self.experiment, self.pairs, self._learning = experiment, pairs, learning
        self._values = values
        self.attack = attack_flags.perturbation_attack()
        self._made: dict[str, Attacked] = {}

    @property
    def change(self) -> float:
        """Of a pixel, at most."""
        return self.attack.upper * _EPS.value

    def craft(self, name: str) -> Attacked:
        """Attacked images."""
        if name not in self._made:
            self._made[name] = self._craft(name)
        return self._made[name]

    def _craft(self, name: str) -> Attacked:
        experiment, pairs = self.experiment, self.pairs
        encode, match = experiment.victim.encoder, pairs.match(experiment.terms)
        many: dict[str, Callable[[], Attacked]] = {
            "mofa": lambda: self._perturb(encode, match),
            "vgg19": lambda: self._perturb(experiment.victim.embed("image"), pairs.swap("image")),
            "fgsm": lambda: self._call(FGSM(), match, self.change),
            "pgd": lambda: self._call(PGD(self.attack.steps), match, self.change),
            "l2": lambda: self._call(PGD(self.attack.steps, "l2"), match, _L2.value),
            "universal": self._universal,
            "transfer": lambda: self.craft("mofa"),
        }
        if name in many:
            return many[name]()
        # What is to stay includes the translation.
        return self._perturb(encode, pairs.match(experiment.terms_of_all, PARTS[name]))

    def _perturb(self, model: Function, criterion: Criterion) -> Attacked:
        return self._call(self.attack, criterion, _EPS.value, model)

    def _call(
        self, attack: Attack, criterion: Criterion, epsilon: float, model: Function | None = None
    ) -> Attacked:
        model = model or self.experiment.victim.encoder
        return Attacked.by(attack, model, self.pairs.sources, criterion, epsilon)

    def _universal(self) -> Attacked:
        """One perturbation toward the first target, learned on other people's pictures."""
        learning = self._learning
        if learning is None:
            raise ValueError("a universal perturbation needs pairs to learn from")
        target = np.repeat(self.pairs.target_codes[:1], len(learning), axis=0)
        towards = dataclasses.replace(learning, target_codes=target)
        found = UniversalPerturbation(self._values["universal_steps"], BATCH).learn(
            self.experiment.victim.encoder,
            learning.sources,
            towards.match(self.experiment.terms),
            epsilon=self.change,
            seed=run_flags.SEED.value,
        )
        images = add(self.pairs.sources, found)
        kept = stored(images, self.pairs.sources, self.change)
        return Attacked(images, to_float(kept).numpy())

    def measure(self, name: str, attacked: Attacked) -> dict[str, Measurement]:
        """The columns of a row."""
        pairs, terms = self.pairs, self.experiment.terms
        only: tuple[str, ...] = ()
        if name == "universal":
            first = np.zeros(len(pairs), int)
            pairs = AttackedPairs.of(pairs.victim, pairs.sources, pairs.targets[first])
        elif name == "transfer":
            other, _ = encoder.load(_TRANSFER.value)
            victim = Victim(lambda x: other(x, training=False), pairs.victim.identities)
            pairs = AttackedPairs.of(victim, pairs.sources, pairs.targets)
        elif name in PARTS:
            terms, only = {name: self.experiment.terms_of_all[name]}, PARTS[name]
        columns = pairs.measure(KINDS.get(name, "code"), attacked, terms, through_jpeg, only)
        pose = {"pose": self.experiment.terms_of_all["pose"]}
        return columns | {"pose_way": Measurement.mean(pairs.way(attacked.images, pose))}

    def minimum(self, count: int) -> Row:
        """The smallest epsilon that covers half of the way in 8 bits: median and 90 % of pairs."""
        pairs = self.pairs.part(slice(count))
        found = minimum_epsilon(
            self.attack,
            self.experiment.victim.encoder,
            pairs.sources,
            pairs.match(self.experiment.terms),
            first=_EPS.value,
            tolerance=0.2,
            quantized=True,
            batch_size=BATCH,
        )
        columns = {
            name: Measurement.bare(found.quantile(share), len(pairs))
            for name, share in (("median", 0.5), ("90%", 0.9))
        }
        return Row("minimum_epsilon", columns)


def draw(experiment: MofaExperiment, run: Run, pairs: AttackedPairs, found: Attacked) -> None:
    """Figures 1 and 3: the first pairs and what the autoencoder makes of them."""
    few = pairs.part(slice(SHOWN))
    attacked = found.stored[:SHOWN]
    experiment.panel(
        run.folder / "panel.png",
        {
            "source": few.sources,
            "perturbation x 10": amplified(attacked - few.sources),
            "adversarial": attacked,
            "target": few.targets,
            "source, reconstructed": experiment.reconstructions(few.sources),
            "adversarial, reconstructed": experiment.reconstructions(attacked),
            "target, reconstructed": experiment.reconstructions(few.targets),
        },
    )
    for number, image in enumerate(attacked):
        write_image(run.folder / f"adversarial_{number:03d}.png", image)


def trace(attacks: Attacks, run: Run) -> None:
    """The loss of every step on the first pairs, in TensorBoard and `metrics.jsonl`."""
    pairs = attacks.pairs.part(slice(BATCH))
    found = attacks.attack.trace(
        attacks.experiment.victim.encoder,
        pairs.sources,
        pairs.match(attacks.experiment.terms),
        epsilon=_EPS.value,
        batch_size=BATCH,
    )
    for step, (losses, distances) in enumerate(zip(found.losses, found.distances, strict=True)):
        run.log("trace", step, {"loss": float(losses.mean()), "distance": float(distances.mean())})


if __name__ == "__main__":
    command_line.run(main, FLAGS)
