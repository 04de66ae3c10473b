from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes


def test_the_order_of_the_paper():
    # 80 + 64 + 80 + 3 + 3 + 27 = 257
    assert codes.SIZE == 257
    starts = {name: part.start for name, part in codes.SLICES.items()}
    assert starts == {
        "shape": 0,
        "expression": 80,
        "albedo": 144,
        "rotation": 224,
        "translation": 227,
        "light": 230,
    }


def test_split_and_join_are_inverse():
    code = tf.reshape(tf.range(2 * 257, dtype=tf.float32), [2, 257])
    parts = codes.split(code)
    assert parts.rotation.numpy()[1].tolist() == [257 + 224, 257 + 225, 257 + 226]
    np.testing.assert_array_equal(codes.join(parts), code)
    for name, part in codes.SLICES.items():
        np.testing.assert_array_equal(getattr(parts, name), code[:, part])


def test_zeros():
    np.testing.assert_array_equal(codes.join(codes.zeros(3)), np.zeros((3, 257)))


def test_shapes_are_refused():
    with pytest.raises(ValueError, match=r"code must have shape \[N, 257\], got \(2, 256\)"):
        codes.split(np.zeros((2, 256), np.float32))
    with pytest.raises(ValueError, match=r"code must have shape"):
        codes.split(np.zeros(257, np.float32))
    with pytest.raises(ValueError, match=r"light must have shape \[N, 27\], got \(2, 9\)"):
        codes.join(dataclasses.replace(codes.zeros(2), light=tf.zeros([2, 9])))
