"""ResGN (Su et al. 2019): clean adversarial perturbations so that face verification works again.

What is named here is loaded when it is first asked for, since TensorFlow takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.lazy_names import lazy_names  # settles which Keras it is, before TensorFlow

if TYPE_CHECKING:
    from resgn.cleaners import Cleaner
    from resgn.faces.alignment import aligned_faces
    from resgn.faces.loading import load_dataset
    from resgn.generator import GeneratorConfig, residual_generator
    from resgn.losses import JointLoss, LossWeights
    from resgn.saved_generator import load_generator
    from resgn.target import embed_all, load_target
    from resgn.training import Trainer, TrainingConfig
    from resgn.verification import squared_distance
    from resgn.verification_set import VerificationSet

__all__ = [
    "Cleaner",
    "GeneratorConfig",
    "JointLoss",
    "LossWeights",
    "Trainer",
    "TrainingConfig",
    "VerificationSet",
    "aligned_faces",
    "embed_all",
    "load_dataset",
    "load_generator",
    "load_target",
    "residual_generator",
    "squared_distance",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Cleaner": "cleaners",
            "GeneratorConfig": "generator",
            "JointLoss": "losses",
            "LossWeights": "losses",
            "Trainer": "training",
            "TrainingConfig": "training",
            "VerificationSet": "verification_set",
            "aligned_faces": "faces.alignment",
            "embed_all": "target",
            "load_dataset": "faces.loading",
            "load_generator": "saved_generator",
            "load_target": "target",
            "residual_generator": "generator",
            "squared_distance": "verification",
        },
    )
