"""Functions that are compiled once for each model and criterion, by all that decides them."""

from __future__ import annotations

import collections
import logging
import types
import weakref
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import tensorflow as tf

from attacks.criteria import Criterion
from attacks.fingerprint import Fingerprint, Identity, NotComparableError
from attacks.plainly import Plainly
from attacks.stochastic import Model, Stochastic

Compiled = Callable[..., Any]
"""A `tf.function`, perhaps wrapped."""

_KEPT = 32
"""Functions for each model; beyond that those go that were not asked for longest."""

_log = logging.getLogger(__name__)


class CompiledPerModel:
    """Keeps what was compiled as long as the model lives, and counts traces.

    A function is found again for the same model object, for a criterion of the same class with the
    same attributes, and with the attack's own settings as they were. The data of a criterion, what
    `tensors` returns, are arguments and decide nothing; what cannot be compared is compiled anew
    each time.

    Args:
      build: from a model and a criterion to the function to be compiled; if it is a method, the
        attributes of its object decide too.
    """

    def __init__(self, build: Callable[[Model, Criterion], Compiled]) -> None:
        self._build = build
        self._models: dict[Hashable, _Kept] = {}
        self.traces = 0

    def __call__(self, model: Model, criterion: Criterion) -> Compiled:
        """The function compiled for this model and criterion."""
        try:
            fingerprint = Fingerprint(_data(criterion))
            key = fingerprint.of(criterion), self._settings(), _draws(model)
            kept = self._kept(model)
            if key not in kept.functions:
                kept.add(key, self._compile(kept.model, fingerprint.copied(criterion)))
            return kept.get(key)
        except NotComparableError as reason:
            _log.warning("%s is compiled anew each time, for %s.", type(criterion).__name__, reason)
            return self._compile(model, criterion)

    def _settings(self) -> Hashable:
        """What decides beside model and criterion: the attack, whose caches do not."""
        owner = getattr(self._build, "__self__", None)
        settings = {} if owner is None else vars(owner)
        return Fingerprint().of(
            {k: each for k, each in settings.items() if not isinstance(each, CompiledPerModel)}
        )

    def _kept(self, model: Model) -> _Kept:
        # By identity, whatever the model thinks that it is equal to; weakly, since a compiled
        # function must not keep a network alive that its user dropped.
        key: Hashable = id(model)
        if isinstance(model, types.MethodType):  # a new object each time it is named
            key = id(model.__self__), Identity(model.__func__)
        if key not in self._models:
            forget = _Forget(self._models, key)
            try:
                self._models[key] = _Kept(model, forget)
            except TypeError as error:
                raise NotComparableError(
                    f"a {type(model).__name__} cannot be referred to weakly"
                ) from error
        return self._models[key]

    def _compile(self, model: Model, criterion: Criterion) -> Compiled:
        return Plainly(_Counted(self._build(model, criterion), self), reduce_retracing=False)


class _Kept:
    """What was compiled for one model.

    Attributes:
      model: the same without keeping it alive.
      functions: by what decides them, those last asked for at the end.

    Args:
      model: to be kept track of.
      forget: called when it is gone.
    """

    def __init__(self, model: Any, forget: _Forget) -> None:
        self.model: Any
        self._reference: weakref.ref
        if isinstance(model, types.MethodType):
            self._reference = weakref.WeakMethod(model, forget)
            self.model = _Method(self._reference)
        else:
            self._reference = weakref.ref(model, forget)
            self.model = weakref.proxy(model)
        self.functions: collections.OrderedDict[Hashable, Compiled] = collections.OrderedDict()

    def add(self, key: Hashable, function: Compiled) -> None:
        self.functions[key] = function
        if len(self.functions) > _KEPT:
            self.functions.popitem(last=False)

    def get(self, key: Hashable) -> Compiled:
        self.functions.move_to_end(key)
        return self.functions[key]


class _Method:
    """Calls a method of an object as long as that lives."""

    def __init__(self, reference: Callable[[], Any]) -> None:
        self._reference = reference

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return self._reference()(images)


class _Forget:
    """Called when a model is gone."""

    def __init__(self, models: dict[Hashable, _Kept], key: Hashable) -> None:
        self._models, self._key = models, key

    def __call__(self, reference: Any) -> None:
        self._models.pop(self._key, None)


def _draws(model: Model) -> Hashable:
    """What decides of a model beside its identity."""
    if isinstance(model, Stochastic):
        return model.samples, Identity(model.function)
    return None


def _data(criterion: Criterion) -> list[Any]:
    """What of a criterion is no setting: its tensors, and arrays from which it makes them."""
    tensors = criterion.tensors()
    attributes = _attributes(criterion)
    held = {id(each) for each in attributes}
    made = [np.asarray(each) for each in tensors if id(each) not in held]
    arrays = [each for each in attributes if isinstance(each, np.ndarray) and each.ndim]
    return [*tensors, *(each for each in arrays if any(_same_numbers(each, m) for m in made))]


def _attributes(criterion: Criterion) -> list[Any]:
    """Of a criterion, and of those that it holds, as one does that narrows another."""
    found: list[Any] = []
    seen, waiting = set(), [criterion]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        own = list(getattr(each, "__dict__", {}).values())
        found += own
        waiting += [value for value in own if isinstance(value, Criterion)]
    return found


def _same_numbers(array: np.ndarray, other: np.ndarray) -> bool:
    return (
        array.shape == other.shape
        and array.dtype.kind in "biuf"
        and np.array_equal(array.astype(other.dtype), other)
    )


class _Counted:
    """Counts how often it is traced."""

    def __init__(self, function: Callable[..., Any], counter: CompiledPerModel) -> None:
        self._function = function
        self._counter = counter

    def __call__(self, *arguments: Any) -> Any:
        self._counter.traces += 1
        return self._function(*arguments)
