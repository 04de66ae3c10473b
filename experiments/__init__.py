"""Entry points: one file for each table, figure or command. The only room with flags."""

import os

import weights  # noqa: F401 - settles which Keras it is before TensorFlow is imported

# TensorFlow's log lines are about missing GPUs.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
