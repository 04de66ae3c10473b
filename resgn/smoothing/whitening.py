"""What noise leaves in embeddings is measured on training faces and taken out of them.

Behind a denoiser all embeddings lean the same way, and they scatter far more in some directions
than in others. Both say nothing of who is shown. The mean is subtracted and each direction divided
by its scatter: within-class covariance normalization (Hatch, Kajarekar and Stolcke 2006, for
speakers), where a class is the noisy copies of one photograph. The network itself stays as it is.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

_SILENT = 1e-5
"""Share of all variance below which nothing but rounding speaks in a direction."""


@dataclasses.dataclass(frozen=True, eq=False)
class Whitening:
    """A fixed map of embeddings, differentiable.

    Attributes:
      centre: float32 `[D]`, the mean that is subtracted.
      directions: float32 `[D, E]`, the map behind it; E is at most D.
    """

    centre: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, embeddings: np.ndarray) -> Whitening:
        """Measured on noisy copies of training faces.

        Few copies know the covariance badly. Its mean variance is added to each direction: that
        divides the loudest ones and leaves the order of the others to the network.

        Args:
          embeddings: float32 `[N, K, D]` of K noisy copies of each of N images; K at least 2.
        """
        found = embeddings.astype(np.float64)
        copies, size = found.shape[1:]
        flat = found.reshape(-1, size)
        centre = flat.mean(axis=0)
        variances, basis = np.linalg.eigh(np.cov(flat, rowvar=False, bias=True).reshape(size, size))
        basis = basis[:, variances >= _SILENT * variances.sum()]
        scatter = ((found - found.mean(axis=1, keepdims=True)) @ basis).reshape(-1, basis.shape[1])
        noise = scatter.T @ scatter / (len(found) * (copies - 1))
        mean = max(float(np.trace(noise)) / len(noise), np.finfo(np.float32).tiny)
        # In units of the mean, so that the map keeps the scale of embeddings.
        strength, turned = np.linalg.eigh(noise / mean + np.eye(len(noise)))
        root = (turned / np.sqrt(strength)) @ turned.T
        return cls(centre.astype(np.float32), (basis @ root).astype(np.float32))

    def layer(self) -> dict[str, np.ndarray]:
        """Its arrays by name, as a file holds them."""
        return {"centre": self.centre, "directions": self.directions}

    def __call__(self, embeddings: tf.Tensor) -> tf.Tensor:
        """Unit vectors `[..., E]` of unit embeddings `[..., D]`."""
        whitened = tf.tensordot(embeddings - self.centre, self.directions, axes=1)
        return tf.math.l2_normalize(whitened, axis=-1, epsilon=1e-10)
