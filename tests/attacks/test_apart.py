"""What an attack computes in each step stays a function of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from attacks.apart import apart
from attacks.outputs import OutputsError


def loop_of(step: Callable[[tf.Tensor], tf.Tensor]) -> Any:
    """A compiled function of three steps."""

    @tf.function
    def three_times(x: tf.Tensor) -> tf.Tensor:
        return tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, step(x)), (0, x))[1]

    return three_times


def test_it_computes_the_same_with_what_it_refers_to_and_is_never_inlined() -> None:
    factor = tf.constant(2.0)

    def square(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = factor * x * x
        return tape.gradient(y, x)

    x = tf.constant([1.0, -0.5])
    plain, whole = loop_of(square), loop_of(apart(square))
    np.testing.assert_array_equal(whole(x), [64.0, -32.0])
    np.testing.assert_array_equal(plain(x), whole(x))

    def kept_whole(function: Any) -> list[str]:
        library = function.get_concrete_function(x).graph.as_graph_def().library.function
        return [each.signature.name for each in library if each.attr["_noinline"].b]

    assert len(kept_whole(whole)) == 1
    assert kept_whole(plain) == []


def test_what_is_refused_is_said_in_our_words_alone() -> None:
    def refuse(x: tf.Tensor) -> tf.Tensor:
        raise OutputsError("a model must return one tensor.")

    with pytest.raises(OutputsError) as refusal:
        apart(refuse)(tf.constant(1.0))
    assert str(refusal.value) == "a model must return one tensor."
