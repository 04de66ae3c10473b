"""What an attack found."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class AttackResult:
    """Adversarial images for each budget.

    Attributes:
      epsilons: the budgets, in the unit of the images, `[K]`.
      perturbed: float32 `[K, N, H, W, 3]` in [0, 1].
      success: bool `[K, N]`, by the criterion on `perturbed`.
      success_8bit: bool `[K, N]`, by the criterion on `perturbed` as an 8-bit file holds it.
    """

    epsilons: tuple[float, ...]
    perturbed: np.ndarray
    success: np.ndarray
    success_8bit: np.ndarray

    def quantized(self) -> np.ndarray:
        """The perturbed images as 8-bit files hold them, uint8 `[K, N, H, W, 3]`."""
        return to_uint8(self.perturbed)


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Round float images in [0, 1] to the nearest of 256 levels."""
    return np.rint(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8)
