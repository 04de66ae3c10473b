"""The smallest defence: a photograph through the ResGN that comes along.

python examples/clean_a_photograph.py
"""

from __future__ import annotations

import numpy as np

from resgn.faces.loading import load_dataset
from resgn.image_cleaner import ImageCleaner
from resgn.saved_generator import load_generator

photograph = load_dataset("orl").image(0)  # uint8 [H, W, 3], of any size
saved = load_generator()
cleaned = ImageCleaner(saved.model, saved.config)(photograph[np.newaxis])[0]
change = np.abs(cleaned.astype(int) - photograph).max()
print(f"{photograph.shape[1]} x {photograph.shape[0]} pixels, changed by {change} levels at most")
