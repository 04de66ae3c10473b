"""The model cards: a header that model hubs read, and that says what the card says."""

from __future__ import annotations

from pathlib import Path

import pytest

import weights

FOLDER = Path(weights.__file__).parent
CARDS = sorted(FOLDER.glob("*.md"))
# Of a card's text, in lower case: what has to stand there for a word of the header to be true.
LICENCES = {"cc0-1.0": "under cc0 1.0", "research-only": "as for research"}
DATASETS = {"lfw": "lfw", "celeba": "celeba"}
METRICS = {
    "accuracy": "accuracy",
    "roc_auc": "auc",
    "mae": "mean absolute error",
    "rmse": "root mean square error",
}
PIPELINES = (
    *("image-to-image", "image-to-3d", "image-feature-extraction"),
    "image-classification",
)
"""Tasks as model hubs name them; a face model is none."""


def header(text: str) -> tuple[dict[str, str | list[str]], str]:
    """A card's YAML header of `key: value` and lists, and the text below it."""
    begin, head, body = text.split("---\n", 2)
    assert begin == ""
    found: dict[str, str | list[str]] = {}
    key = ""
    for line in head.splitlines():
        if line.startswith("- "):
            values = found[key]
            assert isinstance(values, list)
            values.append(line[2:])
        else:
            key, colon, value = line.partition(":")
            assert colon
            assert key not in found
            found[key] = value.strip() or []
    return found, body


def test_every_file_that_comes_along_has_a_card() -> None:
    cards = "".join(card.read_text("utf-8") for card in CARDS)
    files = sorted(FOLDER.glob("*.h5"))
    assert len(files) >= 8
    for file in files:
        assert f"`{file.name}`" in cards, file.name


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_a_header_says_what_its_card_says(card: Path) -> None:
    head, body = header(card.read_text("utf-8"))
    assert body.startswith("\n# ")
    words = " ".join(body.lower().split())
    allowed = {"license", "license_name", "pipeline_tag", "datasets", "metrics", "tags"}
    assert set(head) <= allowed

    # Identifiers that hubs know stand alone; others are `other` with a name.
    licence = head["license_name"] if head["license"] == "other" else head["license"]
    assert ("license_name" in head) == (head["license"] == "other")
    assert LICENCES[str(licence)] in words

    trained = words.partition("| trained on |")[2] or words.partition("| learned from |")[2]
    trained = trained.partition(" | ")[0]
    datasets = {name for name, word in DATASETS.items() if word in trained}
    assert set(head.get("datasets", ())) == datasets
    for metric in head.get("metrics", ()):
        assert METRICS[metric] in words

    face_model = "3d-morphable-model" in head["tags"]
    assert ("pipeline_tag" in head) != face_model
    assert face_model or head["pipeline_tag"] in PIPELINES
    assert "face" in head["tags"]
