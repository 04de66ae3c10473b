"""Static shape checks that say in one line which argument is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf


def check(name: str, tensor: tf.Tensor, trailing: Sequence[int | None]) -> None:
    """Require that `tensor` ends with the dimensions `trailing` (None matches any size).

    Raises:
      ValueError: the rank is too small or a known dimension differs.
    """
    shape = tensor.shape
    if shape.rank is None:
        return
    tail = shape.as_list()[max(0, shape.rank - len(trailing)) :]
    fits = len(tail) == len(trailing) and all(
        want is None or have is None or want == have
        for want, have in zip(trailing, tail, strict=True)
    )
    if not fits:
        wanted = ", ".join("?" if size is None else str(size) for size in trailing)
        raise ValueError(f"{name} must have shape [..., {wanted}], got {tuple(shape.as_list())}")


def check_batch(tensors: Mapping[str, tf.Tensor], trailing: Mapping[str, int]) -> None:
    """Require the same batch dimensions, where those are all but the last `trailing[name]`.

    Raises:
      ValueError: two of the tensors disagree.
    """
    first: tuple[str, tf.TensorShape] | None = None
    for name, tensor in tensors.items():
        if tensor.shape.rank is None:
            continue
        batch = tensor.shape[: tensor.shape.rank - trailing[name]]
        if first is None:
            first = (name, batch)
        elif not batch.is_compatible_with(first[1]):
            raise ValueError(
                f"{name} and {first[0]} must have the same batch dimensions, "
                f"got {tuple(batch.as_list())} and {tuple(first[1].as_list())}"
            )
