"""Attacks say in one line what they are."""

from __future__ import annotations


class Described:
    """Shows itself as its name and its settings, for example `PGD(norm='linf', steps=40, ...)`."""

    def __repr__(self) -> str:
        settings = {name: each for name, each in vars(self).items() if not name.startswith("_")}
        words = (f"{name}={_short(each)}" for name, each in settings.items())
        return f"{type(self).__name__}({', '.join(words)})"


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
