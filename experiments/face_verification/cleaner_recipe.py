"""What a ResGN is trained by: all of it, so that the same recipe never trains twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from experiments.face_verification.adversarial_training import CraftedThrough
from experiments.face_verification.settings import VerificationSettings
from resgn.generator import GeneratorConfig
from resgn.losses import TERMS, LossWeights
from resgn.smoothing.noise import GaussianNoise
from resgn.training import TrainingConfig


@dataclasses.dataclass(frozen=True)
class CleanerRecipe:
    """What a ResGN is trained by.

    Attributes:
      name: what it is called in a run.
      epsilon: intensity of the attack on its training set; 0 where it learns from noise.
      generator: its size.
      training: epochs, rate, precision, seed.
      weights: of the loss' terms; a term alone weighs 1.
      adversary: for adversarial training.
      start_from: the hash of a trained ResGN to train on from.
      from_zero: its training set has every intensity from none up to that of the attack.
      noise: for a denoiser, which sees no attack.
    """

    name: str
    epsilon: float
    generator: GeneratorConfig
    training: TrainingConfig
    weights: LossWeights
    adversary: CraftedThrough | None = None
    start_from: str | None = None
    from_zero: bool = False
    noise: GaussianNoise | None = None

    @classmethod
    def of(
        cls,
        settings: VerificationSettings,
        name: str,
        epsilon: float,
        terms: tuple[str, ...] = TERMS,
        adversary: CraftedThrough | None = None,
        start_from: str | None = None,
        from_zero: bool = False,
        noise: GaussianNoise | None = None,
    ) -> CleanerRecipe:
        """As settings have it.

        Args:
          settings: of the experiment, their precision settled.
          name: what it is called in a run.
          epsilon: intensity of the attack on its training set.
          terms: of the loss.
          adversary: for adversarial training.
          start_from: the hash of a trained ResGN to train on from.
          from_zero: learn from every intensity from none up to that of the attack.
          noise: for a denoiser.
        """
        return cls(
            name,
            epsilon,
            settings.generator,
            dataclasses.replace(
                settings.training, precision=settings.precision, seed=settings.seed
            ),
            settings.loss.only(terms),
            adversary,
            start_from,
            from_zero,
            noise,
        )

    def key(
        self,
        threshold: float,
        critics: dict[str, str],
        further: Sequence[tuple[str, float]] = (),
    ) -> dict[str, Any]:
        """What names the trained ResGN in the user's cache, beside its data.

        A change of what stands here, or of a field's name, makes every user train anew.

        Args:
          threshold: of the target.
          critics: what names target and texture critic.
          further: what names each verification critic beside the target, and its threshold.
        """
        key: dict[str, Any] = {
            "generator": dataclasses.asdict(self.generator),
            "training": dataclasses.asdict(self.training),
            "loss": dataclasses.asdict(self.weights),
            "threshold": threshold,
            "target": critics["target"],
            "texture": critics["texture"] if self.weights.texture else None,
        }
        if self.adversary is not None:
            key["adversary"] = self.adversary.settings()
        if self.start_from is not None:
            key["start_from"] = self.start_from
        if further and self.weights.verification:
            key["critics"] = [list(each) for each in further]
        if self.noise is not None:
            key["noise"] = dataclasses.asdict(self.noise)
        return key

    def shown(self) -> dict[str, Any]:
        """What TensorBoard lists under HPARAMS."""
        noise = {} if self.noise is None else {"noise": self.noise.sigma}
        return {
            # TensorBoard shows the first five of the alphabet unless told otherwise.
            "batch_size": self.training.batch_size,
            "epochs": self.training.epochs,
            "epsilon": self.epsilon,
            "learning_rate": self.training.learning_rate,
            "losses": "+".join(self.weights.active()),
            "network": " ".join(f"{k}={v}" for k, v in dataclasses.asdict(self.generator).items()),
            "precision": self.training.precision,
            "schedule": self.training.schedule,
            "weights": " ".join(f"{k}={v:g}" for k, v in dataclasses.asdict(self.weights).items()),
            **noise,
        }
