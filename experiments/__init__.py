"""Entry points: one file for each table, figure or command. The only room with flags."""

import os

# TensorFlow reads these when it is first imported. oneDNN's convolutions train twice as fast, but
# TensorFlow leaves them off on processors without AVX-512; its log lines are about missing GPUs.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
