"""Files of morphable models: read in any supported kind, written in Basel's layout of 2017."""

from mofa.face_model_files.reading import DEFAULT_PATH, LEARNED_PATH, OWN_MODELS, content, read
from mofa.face_model_files.writing import write

__all__ = ["DEFAULT_PATH", "LEARNED_PATH", "OWN_MODELS", "content", "read", "write"]
