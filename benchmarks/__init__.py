"""Benchmarks: how long things take on this machine."""

import experiments  # noqa: F401, sets what TensorFlow reads when it is first imported
