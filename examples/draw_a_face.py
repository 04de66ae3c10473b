"""The smallest picture: a random face of the open morphable model, and its gradient.

python examples/draw_a_face.py
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mofa.code_series import random_codes
from mofa.face_model_files import read
from mofa.face_renderer import Camera, FaceRenderer

renderer = FaceRenderer(read(), Camera(image_size=(96, 96)))
code = tf.constant(random_codes(renderer, count=1, seed=0))  # float32 [1, 257]
with tf.GradientTape() as tape:
    tape.watch(code)
    picture = renderer.render(code)  # image [1, 96, 96, 3] and mask [1, 96, 96, 1]
    brightness = tf.reduce_mean(picture.image)
slope = tape.gradient(brightness, code)
print(f"brightness {brightness:.3f}; it hangs on {np.count_nonzero(slope)} of 257 numbers")
