"""Functions that are compiled once for each model and kind of criterion."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from attacks.criteria import Criterion
from attacks.stochastic import Model

Compiled = Callable[..., Any]
"""A `tf.function`."""


class CompiledPerModel:
    """Keeps what was compiled as long as the model lives, and counts traces.

    A criterion's methods take their data as arguments, so that any criterion of one type serves.

    Args:
      build: from a model and a criterion to the function to be compiled.
    """

    def __init__(self, build: Callable[[Model, Criterion], Compiled]) -> None:
        self._build = build
        # Keyed weakly: a compiled function must not keep a network alive that its user dropped.
        self._functions: Any = weakref.WeakKeyDictionary()
        self.traces = 0

    def __call__(self, model: Model, criterion: Criterion) -> Compiled:
        """The function compiled for this model and kind of criterion."""
        functions = self._functions.setdefault(model, {})
        kind = type(criterion)
        if kind not in functions:
            alive: Any = weakref.proxy(model)
            functions[kind] = self._compile(alive, criterion)
        return functions[kind]

    def _compile(self, model: Model, criterion: Criterion) -> Compiled:
        return tf.function(_Counted(self._build(model, criterion), self), reduce_retracing=False)


class _Counted:
    """Counts how often it is traced.

    An object, since TensorFlow warns of frequent retracing by the code of a function: every attack
    would share it.
    """

    def __init__(self, function: Callable[..., Any], counter: CompiledPerModel) -> None:
        self._function = function
        self._counter = counter

    def __call__(self, *arguments: Any) -> Any:
        self._counter.traces += 1
        return self._function(*arguments)
