"""Weight files: which exist, where they come from, and how they become Keras models.

What is imported here needs no TensorFlow; the readers of formats that do are modules of their own.
"""

from weights import registry, tensorflow_settings
from weights.errors import InputError

__all__ = ["InputError", "registry"]

tensorflow_settings.settle()
