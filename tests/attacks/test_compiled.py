"""What is compiled is found again for the same model, criterion and attack, and for no other."""

from __future__ import annotations

import dataclasses
import functools
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from attacks import (
    BIM,
    EOT,
    FGSM,
    PGD,
    Criterion,
    Dodging,
    Impersonation,
    PerturbationAttack,
    SemanticMatch,
    StartingFrom,
    Stochastic,
    Undetected,
    UniversalPerturbation,
    judge,
)
from attacks.compiled import CompiledPerModel
from attacks.judging import compiled_judge
from attacks.semantic_match import Term
from tests.attacks.toy import Above, Linear, RandomProjection

SIZE = 4
COUNT = 2
LINEAR = Linear(SIZE)
IMAGES = np.full((COUNT, SIZE, SIZE, 3), 0.5, np.float32)


class Signed(Above):
    """Above the level for sign 1, below it for -1; the sign is an attribute."""

    def __init__(self, sign: Any, levels: np.ndarray | None = None) -> None:
        super().__init__(np.zeros(COUNT) if levels is None else levels)
        self.sign = sign

    def factor(self) -> Any:
        return self.sign

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return self.factor() * outputs[:, 0]

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return self.factor() * (outputs[:, 0] - data[0])


def direction(attack: FGSM, model: Any, criterion: Criterion) -> float:
    """1 where the output was driven up, -1 where it was driven down."""
    found = attack.craft(model, IMAGES, criterion, epsilons=[0.1])[0]
    return float(np.sign(np.sum((found - IMAGES) * LINEAR.weights)))


def test_a_sign_as_an_attribute_decides_images_and_margins() -> None:
    model, attack = Linear(SIZE), FGSM()
    before = model(IMAGES).numpy()[:, 0]
    for sign in (1.0, -1.0, 1.0):
        result = attack(model, IMAGES, Signed(sign), epsilons=[0.1])
        after = model(result.perturbed[0]).numpy()[:, 0]
        assert (sign * (after - before) > 1.0).all()
        np.testing.assert_allclose(result.margin[0], sign * after, rtol=1e-5)
        np.testing.assert_array_equal(result.success[0], sign * after > 0.0)
    assert attack.traces == 2


def test_an_attribute_that_is_changed_afterwards_decides_too() -> None:
    model, attack, criterion = Linear(SIZE), FGSM(), Signed(1.0)
    assert direction(attack, model, criterion) == 1.0
    criterion.sign = -1.0
    assert direction(attack, model, criterion) == -1.0
    # Another one of the first kind in a new shape, which is traced anew: as it was, not as it is.
    four = np.concatenate([IMAGES, IMAGES])
    found = attack.craft(model, four, Signed(1.0, np.zeros(4)), epsilons=[0.1])[0]
    assert (np.sum((found - four) * LINEAR.weights, axis=(1, 2, 3)) > 0.0).all()


@dataclasses.dataclass
class Settings:
    sign: float = 1.0


class Slotted:
    __slots__ = ("sign", "unset")

    def __init__(self, sign: float) -> None:
        self.sign = sign


class Nested(Signed):
    def factor(self) -> Any:
        return self.sign.sign


class Listed(Signed):
    def factor(self) -> Any:
        return self.sign[0]


class Called(Signed):
    def factor(self) -> Any:
        return self.sign()


class Named(Signed):
    def factor(self) -> Any:
        return {"up": 1.0, "down": -1.0}[self.sign["way"]]


class Holder:
    def __init__(self, sign: float) -> None:
        self.sign = sign

    def get(self) -> float:
        return self.sign


def closing_over(sign: float) -> Callable[[], float]:
    return lambda: sign


def returned(sign: float) -> float:
    return sign


@pytest.mark.parametrize(
    ("kind", "up", "down"),
    [
        (Nested, Settings(1.0), Settings(-1.0)),
        (Nested, Slotted(1.0), Slotted(-1.0)),
        (Nested, Holder(1.0), Holder(-1.0)),
        (Listed, [1.0], [-1.0]),
        (Listed, (1.0,), (-1.0,)),
        (Listed, np.array([1.0, 3.0], np.float32), np.array([-1.0, 3.0], np.float32)),
        (lambda values: Listed(tf.constant(values)), [1.0, 3.0, 4.0], [-1.0, 3.0, 4.0]),
        (Called, closing_over(1.0), closing_over(-1.0)),
        (Called, Holder(1.0).get, Holder(-1.0).get),
        (Called, functools.partial(returned, 1.0), functools.partial(returned, -1.0)),
        (Called, functools.partial(returned, sign=1.0), functools.partial(returned, sign=-1.0)),
        (Named, {"way": "up"}, {"way": "down"}),
        (Signed, 1, -1),
        (Signed, np.float32(1.0), np.float32(-1.0)),
    ],
)
def test_attributes_of_any_kind_decide(kind: Callable[[Any], Signed], up: Any, down: Any) -> None:
    model, attack = Linear(SIZE), FGSM()
    for value, expected in ((up, 1.0), (down, -1.0), (up, 1.0)):
        assert direction(attack, model, kind(value)) == expected
    assert attack.traces == 2


@pytest.mark.parametrize(
    ("kind", "value", "turn"),
    [
        (Nested, Settings(1.0), lambda held: setattr(held, "sign", -1.0)),
        (Nested, Slotted(1.0), lambda held: setattr(held, "sign", -1.0)),
        (Listed, [1.0], lambda held: held.__setitem__(0, -1.0)),
        (Listed, np.array([1.0, 3.0], np.float32), lambda held: held.__setitem__(0, -1.0)),
        (Named, {"way": "up"}, lambda held: held.__setitem__("way", "down")),
    ],
)
def test_what_an_attribute_holds_may_change(
    kind: type[Signed], value: Any, turn: Callable[[Any], None]
) -> None:
    model, attack = Linear(SIZE), FGSM()
    assert direction(attack, model, kind(value)) == 1.0
    turn(value)
    assert direction(attack, model, kind(value)) == -1.0


def test_what_cannot_be_compared_is_never_shared(caplog: pytest.LogCaptureFixture) -> None:
    class Locked(Signed):
        def __init__(self, sign: float) -> None:
            super().__init__(sign)
            self.lock = threading.Lock()

    model, attack = Linear(SIZE), FGSM()
    with caplog.at_level(logging.WARNING):
        for sign in (1.0, -1.0, 1.0):
            assert direction(attack, model, Locked(sign)) == sign
    assert attack.traces == 3
    assert "Locked is compiled anew each time, for a lock cannot be compared" in caplog.text


def test_data_decides_nothing() -> None:
    model, attack = RandomProjection(SIZE), PGD(2)
    traces = compiled_judge.traces
    rng = np.random.default_rng(0)
    for threshold in (0.5, 1.0, 1.5):
        attack(model, IMAGES, Dodging(rng.normal(size=(COUNT, 5)), threshold), epsilons=[0.1])
    assert (attack.traces, compiled_judge.traces - traces) == (1, 1)
    attack(model, IMAGES, Impersonation(rng.normal(size=(COUNT, 5)), 1.0), epsilons=[0.1])
    assert (attack.traces, compiled_judge.traces - traces) == (2, 2)
    for size in (0.1, 0.2):
        goal = Dodging(rng.normal(size=(COUNT, 4)), 1.0)
        attack(model, IMAGES, Undetected(goal, size, 10 * size), epsilons=[0.1])
    assert attack.traces == 3
    for weight in (1.0, 2.0):
        codes = rng.normal(size=(2, COUNT, 5))
        match = SemanticMatch(*codes, {"all": Term((slice(0, 5),), weight)}, share=weight / 3)
        attack(model, IMAGES, match, epsilons=[0.1])
    assert attack.traces == 4


class FromArray(Criterion):
    """Keeps its data as an array of numpy's, as many would."""

    def __init__(self, levels: np.ndarray) -> None:
        self.levels = levels

    def __len__(self) -> int:
        return len(self.levels)

    def tensors(self) -> tuple[tf.Tensor, ...]:
        return (tf.constant(self.levels, tf.float32),)

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return outputs[:, 0]

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return outputs[:, 0] - data[0]


def test_data_may_be_kept_as_an_array() -> None:
    model, attack = Linear(SIZE), FGSM()
    output = LINEAR(IMAGES).numpy()[0, 0]
    for level in (-9.0, 0.0, 9.0):
        result = attack(model, IMAGES, FromArray(np.full(COUNT, level)), epsilons=[1e-4])
        np.testing.assert_allclose(result.margin, output - level, atol=0.01)
    assert attack.traces == 1


@pytest.mark.parametrize("wrapped", ["undetected", "starting from"])
def test_data_of_a_criterion_within_another_may_be_kept_as_an_array(wrapped: str) -> None:
    model, attack = Linear(SIZE), FGSM()

    def around(goal: Criterion) -> Criterion:
        if wrapped == "undetected":
            return Undetected(goal, 0.5)
        return StartingFrom(goal, np.random.default_rng(len(found)).random(IMAGES.shape))

    def scored(images: tf.Tensor) -> tf.Tensor:
        outputs = model(images)
        return tf.concat([outputs, tf.zeros_like(outputs)], -1)

    found: list[float] = []
    for level in (-100.0, 100.0, -100.0):
        goal = around(FromArray(np.full(COUNT, level)))
        result = attack(scored, IMAGES, goal, epsilons=[0.1])
        found.append(float(result.margin.max()))
    assert found[0] == found[2] != found[1]
    assert attack.traces == 1


def test_data_that_is_not_taken_from_the_arguments_is_an_error() -> None:
    class Stubborn(FromArray):
        def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
            return outputs[:, 0] - self.levels

    with pytest.raises(Exception, match="have to take it from \\*data"):
        FGSM()(Linear(SIZE), IMAGES, Stubborn(np.zeros(COUNT)), epsilons=[0.1])


def test_settings_of_the_attack_decide() -> None:
    model, criterion = Linear(SIZE), Above(np.zeros(COUNT))
    attack = BIM(1, relative_step=0.5)
    short = attack.craft(model, IMAGES, criterion, epsilons=[0.1])
    attack.relative_step = 1.0
    long = attack.craft(model, IMAGES, criterion, epsilons=[0.1])
    np.testing.assert_allclose(np.abs(short - IMAGES), 0.05, atol=1e-6)
    np.testing.assert_allclose(np.abs(long - IMAGES), 0.1, atol=1e-6)
    attack.relative_step = 0.5
    np.testing.assert_array_equal(attack.craft(model, IMAGES, criterion, epsilons=[0.1]), short)
    assert attack.traces == 2

    semantic = PerturbationAttack(3)
    first = semantic.trace(model, IMAGES, criterion, epsilon=0.1)
    semantic.steps = 5
    assert len(first.losses) == 3
    assert len(semantic.trace(model, IMAGES, criterion, epsilon=0.1).losses) == 5

    universal = UniversalPerturbation(1, 1, relative_step=0.25)
    for share in (0.25, 0.75):
        universal.relative_step = share
        found = universal.learn(model, IMAGES, criterion, epsilon=0.1)
        np.testing.assert_allclose(np.abs(found), share * 0.1, rtol=1e-5)


def test_samples_of_a_random_model_decide() -> None:
    calls = []

    def noisy(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        calls.append(None)
        return LINEAR(images + 0.1 * tf.random.stateless_normal(tf.shape(images), seed))

    model, attack, criterion = EOT(noisy, samples=1), FGSM(), Above(np.zeros(COUNT))
    attack.craft(model, IMAGES, criterion, epsilons=[0.1])
    model.samples = 3
    attack.craft(model, IMAGES, criterion, epsilons=[0.1])
    assert attack.traces == 2


def test_equal_models_share_nothing() -> None:
    @dataclasses.dataclass(frozen=True)
    class Scaled:
        name: str
        factor: float = dataclasses.field(compare=False)

        def __call__(self, images: tf.Tensor) -> tf.Tensor:
            return self.factor * LINEAR(images)

    attack, criterion = FGSM(), Above(np.zeros(COUNT))
    up, down = Scaled("same", 1.0), Scaled("same", -1.0)
    assert up == down
    assert direction(attack, up, criterion) == 1.0
    assert direction(attack, down, criterion) == -1.0
    margins = [judge(each, IMAGES[np.newaxis], criterion)[0] for each in (up, down)]
    np.testing.assert_allclose(margins[0], -margins[1])


def test_a_model_that_cannot_be_hashed_is_known_by_its_identity() -> None:
    @dataclasses.dataclass
    class Scaled:
        factor: float

        def __call__(self, images: tf.Tensor) -> tf.Tensor:
            return self.factor * LINEAR(images)

    attack, model = FGSM(), Scaled(1.0)
    for _ in range(2):
        assert direction(attack, model, Above(np.zeros(COUNT))) == 1.0
    assert attack.traces == 1


class Network:
    def __init__(self, sign: float) -> None:
        self.sign = sign

    def embed(self, images: tf.Tensor) -> tf.Tensor:
        return self.sign * LINEAR(images)


def test_a_method_is_known_by_its_object() -> None:
    attack, criterion = FGSM(), Above(np.zeros(COUNT))
    up, down = Network(1.0), Network(-1.0)
    for model, expected in ((up, 1.0), (down, -1.0), (up, 1.0)):
        assert direction(attack, model.embed, criterion) == expected
    assert attack.traces == 2


def test_a_model_without_weak_references_is_compiled_anew() -> None:
    class Slim:
        __slots__ = ()

        def __call__(self, images: tf.Tensor) -> tf.Tensor:
            return LINEAR(images)

    attack, model = FGSM(), Slim()
    for _ in range(2):
        assert direction(attack, model, Above(np.zeros(COUNT))) == 1.0
    assert attack.traces == 2


@pytest.mark.parametrize("method", [False, True])
def test_no_model_is_kept_alive(method: bool) -> None:
    attack = FGSM()

    def attacked() -> weakref.ref:
        model: Any = Network(1.0) if method else Linear(SIZE)
        chosen = model.embed if method else model
        attack(chosen, IMAGES, Above(np.zeros(COUNT)), epsilons=[0.1])
        return weakref.ref(model)

    gone = attacked()
    gc.collect()
    assert gone() is None
    assert not attack._compiled._models


def test_functions_are_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attacks.compiled._KEPT", 2)
    model = Linear(SIZE)
    compiled = CompiledPerModel(lambda model, criterion: lambda: criterion.sign)
    first, second = (compiled(model, Signed(sign)) for sign in (1.0, 2.0))
    assert compiled(model, Signed(1.0)) is first
    third = compiled(model, Signed(3.0))  # the second was not asked for longest
    assert compiled(model, Signed(1.0)) is first
    assert compiled(model, Signed(3.0)) is third
    assert compiled(model, Signed(2.0)) is not second


def test_kinds_of_numbers_and_zeros_differ() -> None:
    compiled = CompiledPerModel(lambda model, criterion: lambda: criterion.sign)
    model = Linear(SIZE)
    values = [1, 1.0, True, np.float32(1.0), "1", b"1", 0.0, -0.0, float("nan"), None, (1,), [1]]
    found = [compiled(model, Signed(value)) for value in values]
    assert len(set(map(id, found))) == len(values)
    again = [compiled(model, Signed(value)) for value in values]
    assert all(a is b for a, b in zip(found, again, strict=True))


def test_random_models_are_attacked_through_their_proxy() -> None:
    model = Stochastic(lambda images, seed: LINEAR(images) + 0.0 * tf.cast(seed[0], tf.float32))
    assert direction(FGSM(), model, Above(np.zeros(COUNT))) == 1.0
