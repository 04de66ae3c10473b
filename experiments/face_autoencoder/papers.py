"""What Teng 2021 prints."""

from __future__ import annotations

TABLE_2: dict[float, tuple[float, float, float, float]] = {
    0.005: (0.5021, 0.5009, 0.5007, 0.7113),
    0.02: (0.5103, 0.5051, 0.5016, 0.8846),
    0.05: (0.5394, 0.5230, 0.5049, 0.9632),
    0.2: (0.7429, 0.6745, 0.5424, 0.9794),
}
"""Table 2 as printed: L1, L2, L-infinity and JS."""
