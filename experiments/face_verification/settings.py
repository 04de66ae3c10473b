"""Settings of the experiments on ResGN: the papers' own numbers, and what fits a laptop.

    VerificationExperiment(VerificationSettings.laptop("orl"))

The defaults are those of Su et al. 2019, Sections 4.1 and 4.2.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from experiments.running.settings import check_above_zero, check_at_least, flat, part, replaced
from resgn.cleaners.apegan import ApeGanConfig
from resgn.cleaners.magnet import MagNetConfig
from resgn.faces.template import CROP
from resgn.generator import GeneratorConfig
from resgn.legitimate_pairs import Counts
from resgn.losses import TERMS, LossWeights
from resgn.robust_target import RobustConfig
from resgn.smoothing import check_draws
from resgn.target import PACKAGED_FACENET
from resgn.training import TrainingConfig
from weights.errors import InputError

COUNTED = (
    *("train_same", "train_different", "validation_same", "validation_different"),
    *("test_same", "test_different", "adaptive_pairs", "adaptive_steps", "adversarial_steps"),
    *("eot_samples", "restarts"),
)
"""Values that are at least 1."""

IMAGE_RANGES = ("plain", "lopez")

SMOOTHED = "smoothed"
"""The row of the target behind a denoiser that decides by the votes of noisy probes."""


ROBUST = "robust_target"
"""The row of a copy of the target that was fine-tuned on attacks, without any cleaner."""


@dataclasses.dataclass(frozen=True)
class PairCounts:
    """Pairs of one person and of two: to learn from, to choose the checkpoint by, to measure on."""

    train_same: int = 2000
    train_different: int = 2000
    validation_same: int = 200
    validation_different: int = 200
    test_same: int = 1286
    test_different: int = 1294

    def counts(self) -> Counts:
        """The same by part."""
        return Counts(
            (self.train_same, self.train_different),
            (self.validation_same, self.validation_different),
            (self.test_same, self.test_different),
        )


@dataclasses.dataclass(frozen=True)
class InputCleaners:
    """Cleaners that learn nothing.

    Attributes:
      jpeg_quality: 1 to 100.
      bits: left by bit depth reduction.
      gaussian_side: of the Gaussian filter's kernel, in pixels.
      gaussian_sigma: its standard deviation, in pixels.
      median_side: of the median filter, in pixels.
      noise_sigma: standard deviation of the Gaussian noise, in images of [0, 1].
    """

    jpeg_quality: int = 75
    bits: int = 4
    gaussian_side: int = 5
    gaussian_sigma: float = 1.0
    median_side: int = 3
    noise_sigma: float = 0.03


@dataclasses.dataclass(frozen=True)
class Adaptive:
    """Attacks that know the defence.

    Attributes:
      adaptive: whether tables have them.
      adaptive_pairs: test pairs of each kind.
      adaptive_steps: of PGD through the defence.
      eot_samples: draws of a random defence that each step averages over.
      restarts: random starts of PGD in the full set of attacks.
      queries: forward passes of Square, and of HopSkipJump.
      adversarial_steps: of PGD for each example crafted in adversarial training, of a ResGN or of
        the target itself.
      adversarial_share: of each batch that adversarial training crafts anew, in (0, 1].
    """

    adaptive: bool = True
    adaptive_pairs: int = 1000
    adaptive_steps: int = 40
    eot_samples: int = 30
    restarts: int = 5
    queries: int = 5000
    adversarial_steps: int = 7
    adversarial_share: float = 0.5


@dataclasses.dataclass(frozen=True)
class Smoothed:
    """The row `smoothed`; attacks on it average over `Adaptive.eot_samples` noisy copies.

    Attributes:
      sigma: standard deviation of the noise, in images of [0, 1]; None for that of a denoiser that
        is given, or `SIGMA` for one that is trained.
      draws: noisy copies of each probe that vote.
      confidence: of each decision, in (0.5, 1).
    """

    SIGMA: ClassVar[float] = 0.25

    sigma: float | None = None
    draws: int = 100
    confidence: float = 0.999

    def __post_init__(self) -> None:
        if self.sigma is not None:
            check_above_zero(self, "sigma")
        try:
            check_draws(self.draws, self.confidence)
        except InputError as error:
            raise InputError(f"`smoothing_draws`: {error}") from error


@dataclasses.dataclass(frozen=True)
class VerificationSettings:
    """Everything that decides a result of an experiment on ResGN.

    Attributes:
      preset: what the rest began as.
      dataset: the faces, see `resgn.faces.loading`.
      data_dir: their folder.
      skip_damaged: leave out photographs that cannot be read.
      target: the network under attack, or `package.module:callable`.
      critics: verification critics that ResGN learns from, the target among them; none for the
        target alone.
      image_range: `plain`, or `lopez`: as the attack that the paper cites has images, see
        `resgn.lopez_range`; FaceNet alone.
      facenet_weights: FaceNet's weight file.
      texture: `small` or `vgg_face`.
      vgg_face_weights: VGG-Face's weight file.
      calibrate: take the threshold from the training pairs; otherwise the paper's 1.1.
      train_spread: training examples have intensities up to this many times that of the attack.
      precision: of ResGN's hidden layers, `auto` for what the machine is good at.
      denoiser: a ResGN that was trained on noise, for the row `smoothed`.
      start_from: a trained ResGN to train on from.
      jit: compile gradients with XLA.
      seed: of everything.
    """

    preset: str = "paper"
    dataset: str = "lfw"
    data_dir: str | None = None
    skip_damaged: bool = False
    target: str = "facenet"
    critics: tuple[str, ...] = ()
    image_range: str = "plain"
    facenet_weights: str | None = None
    texture: str = "vgg_face"
    vgg_face_weights: str | None = None
    calibrate: bool = False
    train_spread: float = 1.0
    pairs: PairCounts = PairCounts()
    generator: GeneratorConfig = part(GeneratorConfig())
    training: TrainingConfig = part(TrainingConfig(evaluate_every=10), skip=("precision", "seed"))
    loss: LossWeights = part(LossWeights(), suffix="_weight")
    input_cleaners: InputCleaners = InputCleaners()
    apegan: ApeGanConfig = part(ApeGanConfig(), prefix="apegan_", skip=("precision", "seed"))
    magnet: MagNetConfig = part(MagNetConfig(), prefix="magnet_", skip=("precision", "seed"))
    adaptive: Adaptive = Adaptive()
    smoothed: Smoothed = part(Smoothed(), prefix="smoothing_")
    robust: RobustConfig = part(RobustConfig(), prefix="robust_", skip=("seed",))
    denoiser: str | None = None
    precision: str = "auto"
    start_from: str | None = None
    jit: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        values = flat(self)
        for name in COUNTED:
            if values[name] < 1:
                raise InputError(f"`{name}` must be at least 1, got {values[name]}.")
        check_at_least(self.adaptive, 2, "queries")
        if CROP % self.generator.scale:
            raise InputError(
                f"`scale` must divide the side of the images, {CROP}; got {self.generator.scale}."
            )
        for name in (f"{term}_weight" for term in TERMS):
            if not 0.0 <= values[name] < float("inf"):
                raise InputError(f"`{name}` must be 0 or more, got {values[name]}.")
        if not self.loss.active():
            raise InputError(
                f"{', '.join(f'`{term}_weight`' for term in TERMS)} are all 0: give at least one a "
                "weight above 0, or ResGN learns nothing."
            )
        if not 1.0 <= self.train_spread < float("inf"):
            raise InputError(f"`train_spread` must be 1 or more, got {self.train_spread}.")
        if self.critics and (
            self.target not in self.critics or len(set(self.critics)) != len(self.critics)
        ):
            raise InputError(
                f"`critics` names {', '.join(self.critics)}; name each once, the target, "
                f"{self.target}, among them."
            )
        if self.image_range not in IMAGE_RANGES:
            raise InputError(
                f"`image_range` must be of {', '.join(IMAGE_RANGES)}, got {self.image_range!r}."
            )
        if self.image_range != "plain" and (self.target != "facenet" or self.further_critics()):
            raise InputError(
                f"`image_range={self.image_range}` is about FaceNet alone: take `target=facenet` "
                "and no further `critics`."
            )
        share = self.adaptive.adversarial_share
        if not 0.0 < share <= 1.0:
            raise InputError(f"`adversarial_share` must lie in (0, 1], got {share}.")

    def further_critics(self) -> tuple[str, ...]:
        """The verification critics beside the target, in an order that is always the same."""
        return tuple(sorted(set(self.critics) - {self.target}))

    def weights_of_target(self) -> str | None:
        """The weights that are named for the target: a file, or a name of the registry."""
        return self.weights_of(self.target)

    def weights_of(self, target: str) -> str | None:
        """The same for any target by its name."""
        if target != "facenet":
            return None
        return self.facenet_weights or PACKAGED_FACENET

    def but(self, **values: Any) -> VerificationSettings:
        """The same with other values, by name."""
        return replaced(self, values)

    @classmethod
    def laptop(cls, dataset: str = "orl") -> VerificationSettings:
        """Minutes on two cores, on LFW about an hour."""
        return cls().but(**(LAPTOP | LAPTOP_BY_DATASET.get(dataset, {}) | {"dataset": dataset}))

    @classmethod
    def smoke(cls, dataset: str = "orl") -> VerificationSettings:
        """Seconds, to see that everything runs."""
        return cls().but(**(LAPTOP | SMOKE | {"dataset": dataset}))

    @classmethod
    def of_preset(cls, preset: str, dataset: str | None) -> VerificationSettings:
        """The settings of a preset by its name, on its own data set or on another."""
        if preset == "paper":
            return cls().but(**({} if dataset is None else {"dataset": dataset}))
        return {"laptop": cls.laptop, "smoke": cls.smoke}[preset](dataset or "orl")


# A small network at half the resolution that starts from the identity, and weights under which all
# three terms count. Steps teach more than large batches do: on held-out people, batches of 2 with a
# verification weight of 0.03 leave the embedding a third nearer to the legitimate one than batches
# of 4 with 0.1.
LAPTOP: dict[str, Any] = {
    "preset": "laptop",
    "texture": "small",
    "calibrate": True,
    "train_spread": 1.33,
    "train_same": 500,
    "train_different": 500,
    "validation_same": 80,
    "validation_different": 80,
    "test_same": 250,
    "test_different": 250,
    "blocks": 3,
    "maps": 32,
    "in_kernel": 3,
    "out_kernel": 3,
    "scale": 2,
    "image_skip": True,
    "epochs": 3,
    "batch_size": 2,
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warmup_steps": 10,
    "average": 0.98,
    "evaluate_every": 3,
    "texture_weight": 1e-3,
    "verification_weight": 0.03,
    "apegan_maps": 32,
    "apegan_epochs": 3,
    "apegan_batch_size": 8,
    "apegan_learning_rate": 1e-3,
    "magnet_epochs": 6,
    "magnet_batch_size": 8,
    "adaptive_pairs": 25,
    "adaptive_steps": 10,
    "eot_samples": 4,
    "restarts": 2,
    "queries": 200,
    "adversarial_steps": 1,
    "robust_epochs": 4,
    "robust_batch_size": 8,
}

# The paper's numbers of pairs, which LFW has the people for: five times the steps of ORL, from half
# the rate, of the same network at half the resolution.
LAPTOP_BY_DATASET: dict[str, dict[str, Any]] = {
    "lfw": {
        "train_same": 2000,
        "train_different": 2000,
        "validation_same": 200,
        "validation_different": 200,
        "test_same": 1286,
        "test_different": 1294,
        "adaptive_pairs": 50,
        "adaptive_steps": 20,
        "train_spread": 1.2,
        "epochs": 4,
        "evaluate_every": 1,
        "learning_rate": 1e-3,
        "average": 0.995,
    },
}

SMOKE: dict[str, Any] = {
    "preset": "smoke",
    "target": "dlib",
    "train_same": 8,
    "train_different": 8,
    "validation_same": 4,
    "validation_different": 4,
    "test_same": 6,
    "test_different": 6,
    "blocks": 1,
    "maps": 8,
    "epochs": 2,
    "apegan_maps": 4,
    "apegan_epochs": 1,
    "magnet_maps": 4,
    "magnet_epochs": 1,
    "adaptive": False,
    "adaptive_pairs": 3,
    "adaptive_steps": 2,
    "eot_samples": 2,
    "restarts": 1,
    "queries": 4,
    "smoothing_draws": 12,
    "robust_epochs": 1,
    "robust_batch_size": 4,
}

PRESETS = ("laptop", "paper", "smoke")
