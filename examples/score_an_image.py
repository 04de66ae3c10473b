"""The smallest detection: how far a face lies from what an autoencoder of normal faces makes of it.

python examples/score_an_image.py
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

import weights
from detector.saved_autoencoder import load_autoencoder
from detector.scores import DetectionScores
from mofa import encoder
from mofa.code_series import pictures, random_codes
from mofa.face_model_files import read
from mofa.face_renderer import Camera, FaceRenderer
from mofa.identity import load_identity, on_images

renderer = FaceRenderer(read(), Camera(image_size=(224, 224)))
face = pictures(renderer, random_codes(renderer, count=1, seed=1))  # float32 [1, 224, 224, 3]
noisy = np.clip(face + np.random.default_rng(0).normal(0, 0.05, face.shape), 0, 1)

autoencoder = load_autoencoder(Path(weights.__file__).parent / "detector_small.h5").model
codes = functools.partial(encoder.load()[0], training=False)
classify = on_images(codes, load_identity(kind="code"), "logits")
scores = DetectionScores(functools.partial(autoencoder, training=False), classify)
for name, values in scores.measure(np.concatenate([face, noisy.astype(np.float32)])).items():
    print(f"{name}: {values[0]:.4f}, with noise {values[1]:.4f}")
