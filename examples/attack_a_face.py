"""The smallest attack: a face that its own photograph is no longer accepted as.

python examples/attack_a_face.py
"""

from __future__ import annotations

import numpy as np

from attacks import PGD, Dodging
from resgn.faces.alignment import aligned_faces
from resgn.faces.loading import load_dataset
from resgn.target import load_target

THRESHOLD = 0.14
"""Of dlib's network, squared distance of unit embeddings."""

faces = aligned_faces(load_dataset("orl"), np.arange(2))  # two photographs of one person
target = load_target("dlib")
probe, reference = faces.images[:1], faces.images[1:] / np.float32(255)

attack = PGD(steps=10)
result = attack(target, probe, Dodging(target(reference).numpy(), THRESHOLD), epsilons=[0.01, 0.03])
for epsilon, success in zip(result.epsilons, result.success_8bit[:, 0], strict=True):
    print(f"epsilon {epsilon:g}: {'no longer accepted' if success else 'still accepted'}")
