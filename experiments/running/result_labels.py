"""What a kept result is of, in words: its data, its target, its variant."""

from __future__ import annotations

import re

from experiments.running.stored_results import StoredResult

BEGINNINGS = {"attack_intensity": "table2"}
"""What names of kept results begin with where it is not the experiment."""
LABELS = {
    "code_identity": "CelebA and LFW",
    "benchmark_attacks_many": "robust accuracy over many pairs, measured before",
    "train_detector": "the default detector",
    "train_texture_critic": "the default critic",
    "train_mofa": "VGG-19 encoder, the one that is attacked",
    "train_mofa_learned": "AlexNet encoder, learned albedo",
    "train_mofa_alexnet": "AlexNet encoder, the open model's albedo",
}
"""Of names that do not say it."""
WORDS = {
    "lfw": "LFW",
    "orl": "ORL",
    "celeba": "CelebA",
    "rendered": "rendered people",
    "facenet": "FaceNet",
    "dlib": "dlib's network",
    "alexnet": "AlexNet encoder",
    "vgg19": "VGG-19 encoder",
    "learned": "learned albedo",
    "full": "full network",
    "full_on": "full network, trained on",
    "half": "full network at half the resolution",
    "same_steps": "small network, as many steps as the full one",
    "losses": "seven losses after one pass",
    "loss": "attacked by the loss alone",
    "verdicts": "attacked by verdicts alone",
    "cleaners": "other cleaners",
    "adversarial": "adversarial training",
    "current": "TensorFlow 2.21",
    "many": "250 pairs",
    "smoothed": "votes behind the denoiser",
    "20": "20 + 20 pairs",
    "012": "noise of 0.12",
    "025": "noise of 0.25",
    "10000": "20 + 20 pairs, 10,000 draws",
    "small": "VGG-19 encoder",
    "spread1": "one intensity of training",
    "texture8": "texture weight 1e-8, as printed",
    "noskip": "input not added to the output",
    "lopez": "the range of images of the script that the paper cites",
    "both": "pose term on rotation and translation",
    "transfer": "before another encoder",
    "a": "reading A",
    "code": "on codes",
    "refined": "refined codes",
    "robust": "a robust network in the target's place",
}
"""What parts of names of kept results mean."""
_LONGEST = sorted(WORDS, key=len, reverse=True)
"""`full_on` is not `full`."""
_TARGET = re.compile(r"\bData [^,.]+, target ([a-z]+)\b")


def label(result: StoredResult) -> str:
    """What a kept result is of; empty where neither name nor notes say it.

    Args:
      result: with the name under which it is kept.
    """
    if result.name in LABELS:
        return LABELS[result.name]
    rest = result.name.removeprefix(BEGINNINGS.get(result.experiment, result.experiment)).strip("_")
    words = []
    while rest:
        part = next((w for w in _LONGEST if rest == w or rest.startswith(f"{w}_")), None)
        part = part or rest.partition("_")[0]
        words.append(WORDS.get(part) or re.sub(r"^seed(\d+)$", r"seed \1", part))
        rest = rest.removeprefix(part).strip("_")
    target = _TARGET.search(result.notes)
    if target and WORDS.get(target[1], target[1]) not in words:
        words.append(WORDS.get(target[1], target[1]))
    return ", ".join(words)
