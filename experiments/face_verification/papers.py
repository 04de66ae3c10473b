"""What Su et al. 2019 print."""

from __future__ import annotations

TABLE_1: dict[str, tuple[float, float, float]] = {
    "pixel": (0.9916, 0.9968, 0.9052),
    "texture": (0.9906, 0.9967, 0.9791),
    "verification": (0.8836, 0.9531, 0.9831),
    "pixel+texture": (0.9925, 0.9982, 0.9786),
    "pixel+verification": (0.9926, 0.9983, 0.9870),
    "texture+verification": (0.9599, 0.9757, 0.9883),
    "joint": (0.9945, 0.9992, 0.9918),
    "randomization": (0.6528, 0.6181, 0.9765),
    "none": (0.0084, 0.4321, 1.0),
}
"""Table 1 as printed: dodging, impersonation, legitimate."""

TABLE_2: dict[tuple[float, float], tuple[float, float]] = {
    (0.02, 0.02): (0.9832, 0.9992),
    (0.02, 0.03): (0.0512, 0.4248),
    (0.02, 0.04): (0.0131, 0.3398),
    (0.03, 0.02): (0.9833, 0.9935),
    (0.03, 0.03): (0.9945, 0.9992),
    (0.03, 0.04): (0.0568, 0.4223),
    (0.04, 0.02): (0.9620, 0.9951),
    (0.04, 0.03): (0.9869, 0.9976),
    (0.04, 0.04): (0.9906, 0.9983),
}
"""Table 2 as printed: dodging and impersonation for (intensity of training, of the test)."""

CERTROBFR: dict[float, tuple[float, float]] = {
    0.36: (0.668, 0.982),
    1.07: (0.301, 0.403),
}
"""CertRobFR (ECCV 2024): certified dodging and impersonation on LFW, by L2 radius at 160x160.

It prints them at 0.25 and 0.75 for crops of 112x112; the same change of every pixel is 160 / 112
times as long at our size.
"""
