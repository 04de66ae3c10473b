"""Two versions of a definition mean the same where no number can tell them apart."""

from __future__ import annotations

import textwrap

import pytest

from experiments.running.code_units import AS_COMMAND, LOOSE, Source, read


def source(text: str) -> Source:
    return read(textwrap.dedent(text))


BEFORE = '''
    """A module."""

    from a import helper

    LIMIT = 3

    def f(x):
        """Halve."""
        return helper(x) / LIMIT
'''


@pytest.mark.parametrize(
    "after",
    [
        # comments, layout, docstrings
        """
        from a import helper
        LIMIT = 3  # few

        def f( x ):
            'Half.'
            return (helper(x)/LIMIT)
        """,
        # annotations
        """
        from a import helper
        LIMIT: int = 3
        def f(x: float) -> float:
            return helper(x) / LIMIT
        """,
        # where a name comes from, and the order
        """
        from b.c import helper
        def f(x):
            return helper(x) / LIMIT
        LIMIT = 3
        """,
        # log lines, `pass`
        """
        from a import helper
        LIMIT = 3
        def f(x):
            logging.info('%s', x)
            pass
            return helper(x) / LIMIT
        """,
        # what a package gives away
        """
        from a import helper
        __all__ = ['f']
        LIMIT = 3
        def f(x):
            return helper(x) / LIMIT
        if not TYPE_CHECKING:
            __getattr__ = g()
        """,
    ],
)
def test_what_no_number_can_tell_apart(after: str) -> None:
    one, other = source(BEFORE), source(after)
    assert {n: unit.digest for n, unit in one.units.items()} == {
        n: unit.digest for n, unit in other.units.items()
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x):\n    return x / 2", "def f(x):\n    return x / 3"),
        ("def f(x):\n    return x / 2", "def f(x):\n    return x // 2"),
        ("def f(x):\n    return x / 2", "def f(x):\n    return x / 2.0"),
        ("def f(x=1):\n    return x", "def f(x=2):\n    return x"),
        ("def f(x):\n    return x", "@cache\ndef f(x):\n    return x"),
        ("def f(x):\n    return x.a", "def f(x):\n    return x.b"),
        ("def f():\n    return g().a", "def f():\n    return g().b"),
        ("def f():\n    return 'l2'", "def f():\n    return 'l1'"),
        ("def f(x):\n    return f'{x}.a'", "def f(x):\n    return f'{x}.b'"),
        ("def f(x):\n    a = x", "def f(x):\n    b = x"),
        ("def f(x):\n    raise A('No.')", "def f(x):\n    raise B('No.')"),
        ("def f(x):\n    from a import b", "def f(x):\n    from a import c"),
        (
            "def f(x):\n    if x:\n        g()\n    h()",
            "def f(x):\n    if x:\n        g()\n        h()",
        ),
    ],
)
def test_what_may_change_a_number(before: str, after: str) -> None:
    assert source(before).units["f"].digest != source(after).units["f"].digest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("raise E('Too few of them.')", "raise E(f'{x} is too few.') from error"),
        ("flag('eps', 0.03, 'How strong.')", "flag('eps', 0.03, f'How strong it is, {x}.')"),
        ("g(notes='One sentence. ' 'Two of them.')", "g(notes='One is enough here.')"),
    ],
)
def test_sentences_are_for_people(before: str, after: str) -> None:
    def digest(line: str) -> str:
        return source(f"def f(x):\n    {line}").units["f"].digest

    assert digest(before) == digest(after)
    assert digest(before) != digest("flag('eps', 0.04, 'How strong.')")


def test_classes_come_apart_into_methods() -> None:
    before = source(
        "class A(B):\n    x: int = 1\n    def f(self): return 1\n    def g(self): return 2"
    )
    after = source(
        "class A(B):\n    x: float = 1\n    def f(self): return 1\n    def g(self): return 3"
    )
    changed = {n for n in before.units if before.units[n].digest != after.units[n].digest}
    assert changed == {"A.g"}
    assert before.units["A"].bases == ("B",)
    assert before.methods == {"A": ("f", "g")}


def test_both_sides_of_a_property_count() -> None:
    text = (
        "class A:\n    @property\n    def x(self): return 1\n    @x.setter\n    def x(self, y): {}"
    )
    assert source(text.format("g(y)")).units["A.x"] != source(text.format("h(y)")).units["A.x"]


def test_what_a_unit_needs() -> None:
    found = source("""
        import a.b
        from . import near
        from ..up import thing as other
        from weights import files

        def f(x):
            from late import come
            return a.b.g(x), near.h, other(come), files.at("small"), f"net_{x}.h5", f"{x}.h5"

        if condition:
            def here(): ...

        if __name__ == "__main__":
            f(1)
    """)
    unit = found.units["f"]
    assert unit.uses == {"a.b.g", "near.h", "other", "come", "files.at"}
    assert {"g", "h", "at", "small"} <= unit.mentions
    assert unit.files == {"net_*.h5"}
    assert found.imports["other"] == {"..up.thing"}
    assert found.imports["near"] == {".near"}
    assert found.imports["come"] == {"late.come"}
    assert found.inside == {"here"}
    assert found.units[AS_COMMAND].uses == {"f"}
    assert found.units[LOOSE].digest


def test_no_python_is_said() -> None:
    with pytest.raises(SyntaxError):
        read("def f(:")
