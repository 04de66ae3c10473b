"""The rows of Figures 1 and 3 of Teng 2021: attacks on the same pairs, each judged alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from attacks import FGSM, PGD, PerturbationAttack, Trace, UniversalPerturbation, minimum_epsilon
from attacks import stored as in_levels
from attacks.universal import add
from experiments.face_autoencoder.judges import JudgeSettings
from experiments.face_autoencoder.judging import Judging
from experiments.face_autoencoder.mofa_experiment import MofaExperiment, through_jpeg
from experiments.face_autoencoder.mofa_victim import BATCH, Attacked, AttackedPairs, Victim
from experiments.face_autoencoder.own_faces import about_own_pair, own_pair
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.running.results import Measurement, Row
from experiments.running.settings import Presets, check_above_zero, check_at_least, part
from mofa.arrays import Array
from resgn.target import to_float
from weights.errors import InputError

KINDS = {"mofa": "code", "vgg19": "image"}
"""The classifier that judges a row; `code` for all others."""
PARTS: dict[str, tuple[str, ...]] = {
    name: (name,) for name in ("shape", "expression", "albedo", "light")
}
PARTS["pose"] = ("rotation", "translation")
"""Terms of Eq. 1, and the parts of the code that they are about."""
ROWS = ("mofa", "vgg19", "fgsm", "pgd", "l2", *PARTS, "universal")
ABOUT_ROWS = {
    "universal": "universal: one perturbation toward the first pair's target, learned on other "
    "pictures, which may be of the same people; only sources of another person than that target, "
    "whom the classifiers tell apart from it, are counted.",
    "transfer": "transfer: the images of mofa before another encoder, whose codes are judged by "
    "the classifier of the first one at its threshold; it was that one whose codes told the pairs "
    "apart.",
}
"""What holds for a row in another way than for the others, for the notes."""


@dataclasses.dataclass(frozen=True)
class AttackTableSettings(Presets):
    """What decides the table of attacks.

    Attributes:
      pairs: to attack.
      universal_steps: mini-batches of the universal perturbation.
      minimum_pairs: for which the smallest epsilon is searched; 0 for none.
      eps: epsilon of Algorithm 1.
      rows: of `ROWS`, `transfer`, or `all` for all of `ROWS`.
      l2_budget: of the row `l2`, length of the whole perturbation.
      source, target: photographs of one's own in place of pairs.
      transfer_encoder: another encoder, for the row `transfer`.
    """

    autoencoder: AutoencoderSettings = part(AutoencoderSettings())
    judging: JudgeSettings = part(JudgeSettings())
    pairs: int = 1000
    universal_steps: int = 1000
    minimum_pairs: int = 200
    eps: float = 0.05
    rows: tuple[str, ...] = ("mofa", "vgg19")
    l2_budget: float = 3.0
    source: str | None = None
    target: str | None = None
    transfer_encoder: str | None = None

    LAPTOP: ClassVar[dict[str, Any]] = AutoencoderSettings.LAPTOP | {
        "pairs": 64,
        "universal_steps": 60,
        "minimum_pairs": 16,
    }
    SMOKE: ClassVar[dict[str, Any]] = AutoencoderSettings.SMOKE | {
        "pairs": 2,
        "universal_steps": 2,
        "minimum_pairs": 1,
        "second_judge": "none",
    }

    def __post_init__(self) -> None:
        check_at_least(self, 1, "pairs", "universal_steps")
        check_at_least(self, 0, "minimum_pairs")
        check_above_zero(self, "eps", "l2_budget")
        names = self.names
        if not names or len(set(names)) != len(names) or not set(names) <= {*ROWS, "transfer"}:
            raise InputError(
                f"`rows` names {', '.join(names) or 'nothing'}; choose, each once, from "
                f"{', '.join(ROWS)}, transfer, or all."
            )
        if "transfer" in names and self.transfer_encoder is None:
            raise InputError("The row transfer needs another encoder: `transfer_encoder=PATH`.")
        if (self.source is None) != (self.target is None):
            raise InputError("`source` and `target` belong together: give both or neither.")
        if "universal" in names and self.source is not None:
            raise InputError(
                "The row universal needs many people: leave out `source` and `target`."
            )

    @property
    def names(self) -> list[str]:
        """The rows, `all` written out."""
        return [name for row in self.rows for name in (ROWS if row == "all" else (row,))]


def pairs_to_attack(
    experiment: MofaExperiment, settings: AttackTableSettings
) -> tuple[AttackedPairs, AttackedPairs | None]:
    """The pairs, and as many more to learn a universal perturbation from if one is wanted.

    Raises:
      InputError: there are fewer than wanted, or no face in a photograph.
    """
    if settings.source is not None and settings.target is not None:
        victim, renderer = experiment.victim, experiment.renderer
        return own_pair(victim, renderer, settings.source, settings.target), None
    count = settings.pairs
    if "universal" not in settings.names:
        return experiment.pairs(count), None
    pairs = experiment.pairs(2 * count)
    return pairs.part(slice(count)), pairs.part(slice(count, None))


class AttackTable:
    """Every row's attack on the same pairs.

    Attributes:
      pairs: whom.
      judging: by whom.
      attack: Algorithm 1.

    Args:
      experiment: the victim.
      settings: see there.

    Raises:
      InputError: there are fewer pairs than wanted, or the encoder for the row `transfer` was
        trained with another face model.
    """

    def __init__(self, experiment: MofaExperiment, settings: AttackTableSettings) -> None:
        self._experiment, self._settings = experiment, settings
        if "transfer" in settings.names:  # before long work
            self._other = experiment.files.network(settings.transfer_encoder)
        self.pairs, self._learning = pairs_to_attack(experiment, settings)
        self.judging = Judging(experiment, settings.judging, self.pairs)
        self.attack: PerturbationAttack = settings.autoencoder.algorithm.attack()
        self._made: dict[str, Attacked] = {}

    def about(self) -> str:
        """Which pairs were attacked, and what is different for some rows, in sentences."""
        source, target = self._settings.source, self._settings.target
        if source is not None and target is not None:
            said = about_own_pair(self.pairs, source, target)
        else:
            said = self._experiment.about(self.pairs)
        return " ".join(
            [said, *(text for name, text in ABOUT_ROWS.items() if name in self._settings.names)]
        )

    def row(self, name: str) -> Row:
        """One line of the table."""
        return Row(name, self._measure(name, self.attacked(name)))

    def attacked(self, name: str) -> Attacked:
        """Attacked images of a row, made once."""
        if name not in self._made:
            self._made[name] = self._craft(name)
        return self._made[name]

    @property
    def _change(self) -> float:
        """Of a pixel, at most."""
        return self.attack.upper * self._settings.eps

    def _craft(self, name: str) -> Attacked:
        experiment, pairs, attack = self._experiment, self.pairs, self.attack
        eps, match = self._settings.eps, pairs.match(experiment.terms)
        many: dict[str, Callable[[], Attacked]] = {
            "mofa": lambda: pairs.attacked(attack, eps, match),
            "vgg19": lambda: pairs.attacked(
                attack, eps, pairs.swap("image"), experiment.victim.embed("image")
            ),
            "fgsm": lambda: pairs.attacked(FGSM(), self._change, match),
            "pgd": lambda: pairs.attacked(PGD(attack.steps), self._change, match),
            "l2": lambda: pairs.attacked(PGD(attack.steps, "l2"), self._settings.l2_budget, match),
            "universal": self._universal,
            "transfer": lambda: self.attacked("mofa"),
        }
        if name in many:
            return many[name]()
        # What is to stay includes the translation.
        return pairs.attacked(attack, eps, pairs.match(experiment.terms_of_all, PARTS[name]))

    def _universal(self) -> Attacked:
        """One perturbation toward the first target, learned on other pairs.

        No picture is both attacked and learned from; people may be.
        """
        learning = self._learning
        if learning is None:
            raise ValueError("a universal perturbation needs pairs to learn from")
        target = np.repeat(self.pairs.target_codes[:1], len(learning), axis=0)
        towards = dataclasses.replace(learning, target_codes=target)
        found = UniversalPerturbation(self._settings.universal_steps, BATCH).learn(
            self._experiment.victim.encoder,
            learning.sources,
            towards.match(self._experiment.terms),
            epsilon=self._change,
            seed=self._settings.autoencoder.seed,
        )
        images = add(self.pairs.sources, found)
        kept = in_levels(images, self.pairs.sources, self._change)
        return Attacked(images, to_float(kept).numpy())

    def _toward_first(self) -> tuple[AttackedPairs, Array]:
        """Sources with the first target, where the two are told apart, and which: bool [N]."""
        pairs, first = self.pairs, np.zeros(len(self.pairs), int)
        found = AttackedPairs.of(pairs.victim, pairs.sources, pairs.targets[first])
        kept = found.apart()
        if pairs.people is not None:
            found = dataclasses.replace(found, people=(pairs.people[0], pairs.people[1][first]))
            kept &= pairs.people[0] != pairs.people[1][0]
        kept[0] = True  # a pair that was drawn, whatever rounding says of it now
        return found.part(kept), kept

    def _measure(self, name: str, attacked: Attacked) -> dict[str, Measurement]:
        """The columns of a row."""
        pairs, terms = self.pairs, self._experiment.terms
        only: Sequence[str] = ()
        if name == "universal":
            pairs, kept = self._toward_first()
            attacked = Attacked(attacked.images[kept], attacked.stored[kept])
        elif name == "transfer":
            victim = Victim(lambda x: self._other(x, training=False), pairs.victim.identities)
            moved = AttackedPairs.of(victim, pairs.sources, pairs.targets)
            pairs = dataclasses.replace(moved, people=pairs.people)
        elif name in PARTS:
            terms, only = {name: self._experiment.terms_of_all[name]}, PARTS[name]
        columns = pairs.measure(KINDS.get(name, "code"), attacked, terms, through_jpeg, only)
        pose = {"pose": self._experiment.terms_of_all["pose"]}
        columns |= {"pose_way": pairs.measured(pairs.way(attacked.images, pose))}
        return columns | self.judging.columns(pairs, attacked)

    def minimum(self) -> Row:
        """The smallest epsilon that covers half of the way in 8 bits: median and 90 % of pairs."""
        pairs = self.pairs.part(slice(self._settings.minimum_pairs))
        found = minimum_epsilon(
            self.attack,
            self._experiment.victim.encoder,
            pairs.sources,
            pairs.match(self._experiment.terms),
            first=self._settings.eps,
            tolerance=0.2,
            quantized=True,
            batch_size=BATCH,
        )
        columns = {
            name: Measurement.bare(found.quantile(share), len(pairs))
            for name, share in (("median", 0.5), ("90%", 0.9))
        }
        return Row("minimum_epsilon", columns)

    def trace(self) -> Trace:
        """Loss and distance after every step of Algorithm 1, on the first pairs."""
        pairs = self.pairs.part(slice(BATCH))
        return self.attack.trace(
            self._experiment.victim.encoder,
            pairs.sources,
            pairs.match(self._experiment.terms),
            epsilon=self._settings.eps,
            batch_size=BATCH,
        )
