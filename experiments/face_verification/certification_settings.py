"""How pairs are certified, and how the denoisers before the target are trained."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from experiments.running.settings import Presets, check_above_zero, check_at_least
from resgn.smoothing import Draws
from weights.errors import InputError

RADII = (0.0, 0.12, 0.25, 0.36, 0.5, 0.75, 1.0, 1.07, 1.5)
"""Of the table; 0.36 and 1.07 are those of the best published certificates, see `papers`."""


@dataclasses.dataclass(frozen=True)
class CertificationSettings(Presets):
    """Everything that decides certificates beside faces, target and denoiser.

    Attributes:
      preset: what the rest began as.
      sigma: standard deviations of the noise, in images of [0, 1]; a denoiser each.
      draws: noisy copies of each probe that bound a probability.
      selection_draws: others, that guess the decision.
      confidence: of each certificate, in (0.5, 1).
      radii: of the table, in L2 over all pixels of images in [0, 1].
      certified_pairs: test pairs of each kind at most.
      draw_batch: noisy copies at a time.
    """

    LAPTOP: ClassVar[dict[str, Any]] = {
        "sigma": (0.25, 0.5),
        "draws": 1000,
        "certified_pairs": 25,
    }
    SMOKE: ClassVar[dict[str, Any]] = {
        "sigma": (0.25,),
        "draws": 30,
        "selection_draws": 10,
        "certified_pairs": 3,
        "draw_batch": 20,
    }

    preset: str = "paper"
    sigma: tuple[float, ...] = (0.12, 0.25, 0.5, 1.0)
    draws: int = 10000
    selection_draws: int = 100
    confidence: float = 0.999
    radii: tuple[float, ...] = RADII
    certified_pairs: int = 500
    draw_batch: int = 50

    def __post_init__(self) -> None:
        check_at_least(self, 1, "certified_pairs", "draw_batch")
        check_above_zero(self, "sigma")
        if not self.sigma:
            raise InputError("`sigma` names nothing.")
        if not self.radii:
            raise InputError("`radii` names nothing.")
        self.voting  # noqa: B018, checked now

    @property
    def voting(self) -> Draws:
        """The same for the library."""
        return Draws(self.selection_draws, self.draws, self.confidence)


def denoiser_settings(preset: str, dataset: str) -> dict[str, Any]:
    """How a denoiser is trained where that differs from the ResGN of Table 1, by name.

    `certify` and the row `smoothed` train by the same recipe, so that one training serves both.

    Noise hides more than an attack does. What the target still sees in a cleaned face decides how
    often the draws agree, so that the verification loss weighs most; and noise that is drawn anew
    makes of few images many, so that more passes still teach.

    Args:
      preset: of `VerificationSettings`.
      dataset: the faces.
    """
    if preset == "paper":
        return {"verification_weight": 1.0}
    if preset == "smoke":
        return {"verification_weight": 1.0, "batch_size": 4}
    passes = (
        {"epochs": 4, "evaluate_every": 2}
        if dataset == "lfw"
        else {"epochs": 30, "evaluate_every": 5}
    )
    return {
        "verification_weight": 1.0,
        "blocks": 6,
        "maps": 32,
        "in_kernel": 3,
        "out_kernel": 3,
        "scale": 2,
        "batch_size": 8,
        "learning_rate": 2e-3,
        "average": 0.99,
        **passes,
    }
