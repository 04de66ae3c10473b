from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from experiments.face_verification.cleaner_recipe import CleanerRecipe
from experiments.face_verification.cleaners import LOSSES
from experiments.face_verification.settings import PRESETS, PairCounts, VerificationSettings
from experiments.flags import groups, verification_flags
from resgn.generator import GeneratorConfig
from resgn.losses import LossWeights
from resgn.training import TrainingConfig
from tests.experiments.command import ROOT
from weights.errors import InputError


def test_the_defaults_are_the_papers() -> None:
    paper = VerificationSettings()
    assert (paper.dataset, paper.target, paper.texture) == ("lfw", "facenet", "vgg_face")
    assert dataclasses.astuple(paper.pairs) == (2000, 2000, 200, 200, 1286, 1294)
    assert paper.generator == GeneratorConfig(24, 64, 9, 9, 1, False)
    assert paper.loss == LossWeights(1.0, 1e-8, 1e-3)
    assert paper.training == TrainingConfig(1000, 16, 1e-4, "staircase", 0.9, evaluate_every=10)
    assert (paper.train_spread, paper.calibrate) == (1.0, False)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_takes_another_data_set(preset: str) -> None:
    assert VerificationSettings.of_preset(preset, "celeba").dataset == "celeba"
    assert VerificationSettings.of_preset(preset, None).preset == preset


def test_lfw_has_values_of_its_own_on_a_laptop() -> None:
    lfw, orl = VerificationSettings.laptop("lfw"), VerificationSettings.laptop("orl")
    assert lfw.pairs == PairCounts()  # the paper's
    assert lfw.generator == orl.generator
    assert lfw.training.epochs * (2000 + 2000) == 16 * (500 + 500)
    assert (lfw.training.epochs, orl.training.epochs) == (4, 3)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("test_same", 0, "`test_same` must be at least 1"),
        ("queries", 1, "`queries` must be at least 2"),
        ("scale", 3, "`scale` must divide the side of the images, 160; got 3"),
        ("texture_weight", -1.0, "`texture_weight` must be 0 or more"),
        ("pixel_weight", float("nan"), "`pixel_weight` must be 0 or more"),
        ("train_spread", 0.5, "`train_spread` must be 1 or more"),
        ("adversarial_share", 0.0, r"`adversarial_share` must lie in \(0, 1\]"),
        ("critics", ("dlib",), "`critics` names dlib; name each once, the target, facenet, among"),
        ("image_range", "unit", "`image_range` must be of plain, lopez, got 'unit'"),
        ("critics", ("facenet", "facenet"), "`critics` names facenet, facenet; name each once"),
    ],
)
def test_numbers_out_of_range(name: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        VerificationSettings().but(**{name: value})


def test_a_loss_without_any_term_is_refused() -> None:
    off = {"pixel_weight": 0.0, "texture_weight": 0.0}
    assert VerificationSettings().but(**off).loss.active() == ("verification",)
    with pytest.raises(InputError, match="`verification_weight` are all 0: give at least one"):
        VerificationSettings().but(**off, verification_weight=0.0)


def test_flags_are_put_over_the_preset() -> None:
    given = ["--preset=smoke", "--dataset=celeba", "--epochs=5", "--magnet_noise=0.2", "--seed=3"]
    with groups.parsed([verification_flags.FLAGS], given):
        found = verification_flags.settings(train_spread=2.0)
    expected = VerificationSettings.smoke("celeba").but(
        epochs=5, magnet_noise=0.2, seed=3, train_spread=2.0
    )
    assert found == expected


def test_a_flag_goes_over_a_commands_own_default() -> None:
    with groups.parsed([verification_flags.FLAGS], ["--train_spread=1.5"]):
        assert verification_flags.settings(train_spread=2.0).train_spread == 1.5


@pytest.mark.parametrize("preset", PRESETS)
def test_rows_of_one_table_are_trained_alike(preset: str) -> None:
    settings = VerificationSettings.of_preset(preset, None)
    recipes = [CleanerRecipe.of(settings, name, 0.03, terms) for name, terms in LOSSES.items()]
    assert len({recipe.training for recipe in recipes}) == 1
    assert len({recipe.generator for recipe in recipes}) == 1
    assert len({recipe.weights for recipe in recipes}) == 7


def test_the_key_of_a_trained_cleaner() -> None:
    """Whoever has trained one keeps it: these names and values are not to change by accident."""
    settings = VerificationSettings.laptop("orl").but(precision="float32")
    recipe = CleanerRecipe.of(settings, "joint", 0.03)
    assert recipe.key(0.15, {"target": "t", "texture": "x"}) == {
        "generator": {
            "blocks": 3,
            "maps": 32,
            "in_kernel": 3,
            "out_kernel": 3,
            "scale": 2,
            "image_skip": True,
        },
        "training": {
            "epochs": 3,
            "batch_size": 2,
            "learning_rate": 2e-3,
            "schedule": "cosine",
            "decay": 0.9,
            "warmup_steps": 10,
            "average": 0.98,
            "clip_norm": 0.0,
            "evaluate_every": 3,
            "precision": "float32",
            "seed": 0,
        },
        "loss": {"pixel": 1.0, "texture": 1e-3, "verification": 0.03},
        "threshold": 0.15,
        "target": "t",
        "texture": "x",
    }
    alone = CleanerRecipe.of(settings, "pixel", 0.03, ("pixel",), start_from="f")
    key = alone.key(0.15, {"target": "t", "texture": "x"})
    assert (key["texture"], key["start_from"]) == (None, "f")
    assert key["loss"] == {"pixel": 1.0, "texture": 0.0, "verification": 0.0}


@pytest.mark.parametrize("other", [{"target": "dlib"}, {"critics": ("facenet", "dlib")}])
def test_lopez_image_range_is_facenets_alone(other: dict[str, object]) -> None:
    assert VerificationSettings().but(image_range="lopez").image_range == "lopez"
    with pytest.raises(InputError, match="`image_range=lopez` is about FaceNet alone"):
        VerificationSettings().but(image_range="lopez", **other)


def test_further_critics_enter_the_key_only_where_they_are() -> None:
    """So that a ResGN trained against the target alone is found, however it is asked for."""
    settings = VerificationSettings.laptop("orl").but(critics=("facenet",))
    assert settings.further_critics() == ()
    both = settings.but(critics=("dlib", "facenet"))
    assert both.further_critics() == ("dlib",)
    names = {"target": "t", "texture": "x"}
    recipe = CleanerRecipe.of(both, "joint", 0.03)
    alone = recipe.key(1.0, names)
    assert recipe.key(1.0, names, [("d", 0.14)]) == alone | {"critics": [["d", 0.14]]}
    pixel = CleanerRecipe.of(both, "pixel", 0.03, ("pixel",))
    assert "critics" not in pixel.key(1.0, names, [("d", 0.14)])


def test_an_experiment_needs_no_flags() -> None:
    program = """
from experiments.face_verification import VerificationExperiment, VerificationSettings
import experiments.table1, experiments.detection, experiments.train_mofa, experiments.mofa_attack
experiment = VerificationExperiment(VerificationSettings.laptop("orl"))
assert len(experiment.dataset) == 400, len(experiment.dataset)
"""
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
