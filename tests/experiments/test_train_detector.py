"""The presets of the detector's training: the paper's own figures, and one that fits a laptop."""

from __future__ import annotations

import ast
from typing import Any

from detector.autoencoder import AutoencoderConfig, autoencoder
from detector.training import TrainingConfig
from tests.experiments.command import ROOT

MOST_BYTES = 8 * 2**20


def presets() -> dict[str, dict[str, Any]]:
    """Read from the source: two modules with flags of one name cannot be imported together."""
    source = (ROOT / "experiments" / "train_detector.py").read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PresetFlags":
            found = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
            # As `PresetFlags` does: a preset names what differs from the laptop's.
            return {name: found["laptop"] | values for name, values in found.items()}
    raise AssertionError("no presets")


def test_paper_preset_is_the_papers() -> None:
    paper = presets()["paper"]
    config = TrainingConfig(**{n: paper[n] for n in ("epochs", "batch_size", "halve_every")})
    assert (config.epochs, config.batch_size, config.halve_every) == (30, 128, 10)
    assert (paper["learning_rate"], paper["momentum"], paper["mirror"]) == (0.1, 0.9, False)
    assert (paper["width"], paper["decoder_width"], paper["encoder_size"]) == (1.0, 1.0, 224)


def test_laptop_detector_fits_into_the_project() -> None:
    laptop = presets()["laptop"]
    config = AutoencoderConfig(
        **{name: laptop[name] for name in ("width", "decoder_width", "encoder_size")}
    )
    model = autoencoder(config)
    # Matrices in half precision, vectors in single, as they are stored.
    stored = sum(
        int(w.shape.num_elements()) * (2 if len(w.shape) > 1 else 4) for w in model.weights
    )
    assert 2**20 < stored <= MOST_BYTES
