"""The papers' numbers, what a laptop has in their place, and settings made from flags."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from typing import Any

import pytest

from detector.autoencoder import AutoencoderConfig
from detector.training import TrainingConfig as DetectorTrainingConfig
from experiments import (
    defense,
    detection,
    mofa_attack,
    mofa_intensity,
    mofa_sweep,
    train_detector,
    train_identity,
    train_mofa,
)
from experiments.face_autoencoder.attack_table import ROWS, AttackTableSettings
from experiments.face_autoencoder.defence_bench import DefenceSettings
from experiments.face_autoencoder.mofa_people import RenderedPeople
from experiments.face_autoencoder.photographs import Source
from experiments.face_autoencoder.refinement_bench import RefinementSettings
from experiments.face_autoencoder.settings import (
    AttackSettings,
    AutoencoderSettings,
    FaceSettings,
)
from experiments.face_autoencoder.training_settings import (
    DetectorTrainingSettings,
    EncoderTrainingSettings,
    IdentityTrainingSettings,
)
from experiments.flags import groups
from experiments.running.settings import PRESETS, Presets, flat
from mofa.encoder import EncoderConfig
from mofa.identity import IdentityConfig
from mofa.losses import Weights
from mofa.training import TrainingConfig
from tests.experiments.command import ROOT
from weights.errors import InputError

KINDS: tuple[type[Presets], ...] = (
    AutoencoderSettings,
    AttackTableSettings,
    DefenceSettings,
    RefinementSettings,
    detection.DetectionSettings,
    mofa_sweep.SweepSettings,
    mofa_intensity.IntensitySettings,
    EncoderTrainingSettings,
    IdentityTrainingSettings,
    DetectorTrainingSettings,
)


def test_the_attack_is_the_papers() -> None:
    assert AttackSettings() == AttackSettings(0.02, 50, "B", "rotation")
    attack = AttackSettings().attack()
    assert attack.upper * 0.05 == pytest.approx(0.02)
    assert AttackTableSettings().eps == DefenceSettings().eps == 0.05
    assert detection.DetectionSettings().eps == (0.005, 0.02, 0.05, 0.2)
    assert DefenceSettings().noise_scale == 0.05


def test_the_encoder_is_trained_as_in_the_paper() -> None:
    paper = EncoderTrainingSettings()
    assert paper.size == EncoderConfig("vgg19", 1.0, 4096, 224, False, "lineage", "antialias")
    assert paper.training == TrainingConfig(200_000, 5, 0, "adadelta", 0.1, "constant", 0.0)
    assert paper.weights == Weights(1.92, 1.6e-3, 2.9e-5, 1.0, 0.8, 1.7e-3, 0.0)
    assert (paper.photometric, paper.image_size, paper.code_weight) == ("vertex", 224, 1.0)


def test_the_detector_is_trained_as_in_the_paper() -> None:
    paper = DetectorTrainingSettings()
    assert paper.training == DetectorTrainingConfig(
        30, 128, "sgd", "norm", "halved", 0.1, 0.9, 10, False
    )
    assert paper.size == AutoencoderConfig(1.0, 1.0, 1.0, 1024, 0, 224)


def test_the_identity_classifiers_are_as_large_as_in_the_paper() -> None:
    paper = IdentityTrainingSettings()
    assert paper.people == RenderedPeople(8000, 20, 1000)
    assert paper.classifier == IdentityConfig(embedding=512, width=1.0, input_size=224)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_stands(kind: type[Presets], preset: str) -> None:
    found = kind.of_preset(preset)
    assert flat(found)["preset"] == preset
    assert (found == kind().but(preset="paper")) == (
        preset == "paper" and kind is not EncoderTrainingSettings
    )


def test_rendered_faces_alone_have_values_of_their_own() -> None:
    alone = EncoderTrainingSettings.laptop()
    assert (alone.training.batch_size, alone.training.rendered_batch_size) == (0, 32)
    both = EncoderTrainingSettings.of_preset("laptop", ("rendered", "celeba"))
    assert (both.training.batch_size, both.training.rendered_batch_size) == (16, 12)
    photographs = EncoderTrainingSettings.of_preset("laptop", ("celeba",))
    assert (photographs.training.batch_size, photographs.training.rendered_batch_size) == (16, 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dataset": ("mars",)}, "`dataset` knows rendered, celeba"),
        ({"dataset": ()}, "`dataset` needs a name"),
        ({"dataset": ("celeba", "orl")}, "`data_dir` must name a folder for each of celeba; got 0"),
        ({"data_dir": ("a",)}, "`data_dir` must name a folder for each of no data set; got 1"),
        ({"cap": 0.0}, r"`cap` must lie in \(0, 1\]"),
        ({"steps": 0}, "`steps` must be at least 1"),
        ({"reading": "C"}, "`reading` must be A or B"),
        ({"identities": 0}, "`identities` must be at least 1"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AutoencoderSettings().but(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rows": ("nothing",)}, "`rows` names nothing"),
        ({"rows": ("mofa", "mofa")}, "each once"),
        ({"rows": ("transfer",)}, "`transfer_encoder=PATH`"),
        ({"source": "a.png"}, "give both or neither"),
        ({"rows": ("universal",), "source": "a", "target": "b"}, "needs many people"),
        ({"eps": float("nan")}, "`eps` must be above 0"),
        ({"pairs": 0}, "`pairs` must be at least 1"),
    ],
)
def test_a_table_that_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AttackTableSettings().but(**values)


@pytest.mark.parametrize(
    ("settings", "values", "message"),
    [
        (detection.DetectionSettings, {"eps": (0.02,)}, "`eps` must name 0.05"),
        (detection.DetectionSettings, {"adaptive_eps": (0.1,)}, "`adaptive_eps` must be among"),
        (detection.DetectionSettings, {"adaptive_scores": ()}, "`adaptive_scores` knows js and"),
        (detection.DetectionSettings, {"adaptive_scores": ("l2",)}, "self_perturbed; got 'l2'"),
        (DetectorTrainingSettings, {"kind": "magnet"}, "`kind` must be autoencoder or self_pert"),
        (DetectorTrainingSettings, {"crop": 31}, "`crop` must lie from 32 to 224, got 31"),
        (DetectorTrainingSettings, {"noise_levels": 0}, "`noise_levels` must lie from 1 to 255"),
    ],
)
def test_a_detector_that_cannot_be_is_refused(
    settings: type[Presets], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        settings().but(**values)


def test_all_stands_for_every_row() -> None:
    assert AttackTableSettings(rows=("all", "transfer"), transfer_encoder="e").names == [
        *ROWS,
        "transfer",
    ]


def test_data_sets_and_their_folders() -> None:
    faces = FaceSettings(("rendered", "celeba", "orl", "lfw"), ("a", "b"))
    assert faces.sources == [Source("celeba", "a"), Source("orl", None), Source("lfw", "b")]
    alone = faces.one_by_one()
    assert list(alone) == ["celeba", "orl", "lfw", "rendered"]
    assert alone["lfw"] == FaceSettings(("lfw",), ("b",))
    assert alone["orl"].sources == [Source("orl", None)]


def test_a_step_asks_for_no_faces_that_there_are_not() -> None:
    with pytest.raises(InputError, match="`batch_size=3`: there are no such faces"):
        EncoderTrainingSettings.smoke().but(batch_size=3).config()
    with pytest.raises(InputError, match="`rendered_batch_size=3`: there are no such faces"):
        EncoderTrainingSettings.of_preset("smoke", ("orl",)).but(
            dataset=("orl",), rendered_batch_size=3
        ).config()


def test_flags_are_put_over_the_preset() -> None:
    given = ["--preset=smoke", "--rows=all", "--eps=0.1", "--pairs=3", "--seed=5", "--cap=0.01"]
    with groups.parsed([mofa_attack.FLAGS], given):
        found = mofa_attack.SETTINGS.settings()
    expected = AttackTableSettings.smoke().but(rows=("all",), eps=0.1, pairs=3, seed=5, cap=0.01)
    assert found == expected


def test_lists_of_numbers_and_folders_are_flags() -> None:
    given = ["--dataset=orl,celeba", "--data_dir=/a", "--eps=0.05,0.3", "--adaptive_eps="]
    with groups.parsed([detection.FLAGS], given):
        found = detection.SETTINGS.settings()
    assert (found.eps, found.adaptive_eps) == ((0.05, 0.3), ())
    assert found.autoencoder.faces == FaceSettings(("orl", "celeba"), ("/a",))


def test_the_laptop_is_the_default_of_the_command_line() -> None:
    for command in (mofa_attack, defense, detection, train_identity, train_detector, train_mofa):
        with groups.parsed([command.FLAGS], []):
            found = command.SETTINGS.settings()
        assert found == type(found).laptop()


def test_the_encoders_photographs_take_other_values() -> None:
    with groups.parsed([train_mofa.FLAGS], ["--dataset=orl", "--iterations=7"]):
        found = train_mofa.SETTINGS.settings()
    assert dataclasses.astuple(found.training)[:3] == (7, 16, 0)


def test_an_experiment_needs_no_flags() -> None:
    program = """
import experiments.table1, experiments.mofa_attack
from experiments.face_autoencoder import AutoencoderSettings, MofaExperiment
experiment = MofaExperiment(AutoencoderSettings.smoke().but(calibrate=False), ())
assert len(experiment.pairs(2)) == 2
"""
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
