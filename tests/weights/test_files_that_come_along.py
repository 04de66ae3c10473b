"""The weights that come along go together, and say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import weights
from mofa import encoder, identity
from resgn.smoothing import load_denoiser
from resgn.target import load_target
from weights import dlib_format, made_for
from weights.errors import InputError

HERE = Path(weights.__file__).parent
GO_WITH = {
    "mofa_encoder_small.h5": {"face_model": "open_face_model.h5"},
    "mofa_encoder_alexnet.h5": {"face_model": "learned_face_model.h5"},
    "mofa_identity_code.h5": {"encoder": "mofa_encoder_small.h5"},
    "mofa_identity_code_alexnet.h5": {"encoder": "mofa_encoder_alexnet.h5"},
    "detector_small.h5": {"face_model": "open_face_model.h5"},
    "self_perturbed_small.h5": {"face_model": "open_face_model.h5"},
    "detector_thresholds.json": {
        "detector": "detector_small.h5",
        "encoder": "mofa_encoder_small.h5",
        "identity_code": "mofa_identity_code.h5",
    },
}


@pytest.mark.parametrize("name", GO_WITH)
def test_each_goes_with_the_others(name: str, caplog: pytest.LogCaptureFixture) -> None:
    said = made_for.read(HERE / name)
    assert {role: each.name for role, each in said.items()} == GO_WITH[name]
    made_for.check(HERE / name, {role: HERE / other for role, other in GO_WITH[name].items()})
    assert not caplog.records


def test_the_cleaners_are_for_their_networks() -> None:
    said = made_for.read(HERE / "resgn_facenet.h5")
    assert said["target"].name == "graph_final.pb"
    said = made_for.read(HERE / "resgn_dlib.h5")
    assert said["target"].digest == dlib_format.SHA256[:16]
    assert said["target"].name == dlib_format.FILE_NAME


def test_an_encoder_is_refused_with_another_face_model() -> None:
    with pytest.raises(InputError) as problem:
        encoder.load(encoder.ALEXNET_PATH, used={"face_model": HERE / "open_face_model.h5"})
    assert str(problem.value).startswith(
        "mofa_encoder_alexnet.h5 was made for the face model learned_face_model.h5, not for "
        "open_face_model.h5, with which mofa_encoder_small.h5 goes."
    )


def test_a_classifier_is_refused_with_another_encoder(caplog: pytest.LogCaptureFixture) -> None:
    used = {"encoder": encoder.ALEXNET_PATH}
    with pytest.raises(InputError, match=r"with which mofa_identity_code_alexnet\.h5 goes\."):
        identity.load_identity(None, "code", used=used)
    assert identity.load_identity(identity.ALEXNET_PATH, "code", used=used).kind == "code"
    assert not caplog.records
    taken = identity.load_identity(None, "code", used=used, allow_mismatch=True)
    assert taken.threshold == pytest.approx(0.2792, abs=1e-4)
    assert len(caplog.records) == 1


def test_the_thresholds_say_the_temperature_of_their_divergence() -> None:
    assert json.loads((HERE / "detector_thresholds.json").read_text())["temperature"] == 1.0


@pytest.mark.parametrize(
    ("name", "sigma", "threshold"),
    [("denoiser_facenet.h5", 0.5, 1.4049), ("denoiser_facenet_025.h5", 0.25, 1.2889)],
)
def test_denoisers_are_for_facenet(name: str, sigma: float, threshold: float) -> None:
    denoiser = load_denoiser(HERE / name, load_target("facenet"))
    assert denoiser.sigma == sigma
    assert denoiser.threshold == pytest.approx(threshold, abs=1e-4)
    with pytest.raises(InputError, match=r"Its threshold does not fit"):
        load_denoiser(HERE / name, load_target("dlib"))
