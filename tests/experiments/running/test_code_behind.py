"""Which code stands behind a command, on toy projects."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pytest

from experiments.running.code_behind import LEFT_OUT, Code, Name, difference, files_of
from experiments.running.code_units import Source, read
from tests.experiments.command import ROOT

PROJECT = {
    "lib/__init__.py": """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from lib.nets import Net
            from lib.losses import loss as joint
            from lib import never
        if not TYPE_CHECKING:
            __getattr__, __dir__ = lazy_names(__name__, {"Net": "nets", "joint": "losses:loss"})
    """,
    "lib/nets.py": """
        import tensorflow as tf
        from .sizes import SIZE

        class Base:
            def __init__(self): self.size = SIZE
            def small(self): return 1
            def shrink(self): return unused_helper()

        class Net(Base):
            def run(self): return helper(self.size)

        class Layer(tf.keras.Layer):
            def call(self, x): return called(x)

        def helper(x): return Layer()(x)
        def called(x): return x
        def unused_helper(): return 0
    """,
    "lib/sizes.py": "SIZE = 3\nOTHER = 4",
    "lib/losses.py": "def loss(x): return x\ndef unused(): return 2",
    "lib/never.py": "X = 1",
    "lib/late.py": "from lib.deep import value\ndef g(): return value",
    "lib/deep/__init__.py": "from .inner import value",
    "lib/deep/inner.py": "value = 1\nother = 2",
    "lib/drawing.py": "from lib import never\ndef draw(): return never.X",
    "tools/go.py": """
        import lib.losses
        from lib import Net, drawing
        from lib.drawing import draw

        def main():
            from lib.late import g
            draw()
            return Net().run() + g()

        def not_called(): return lib.losses.unused()

        if __name__ == "__main__":
            main()
    """,
}


def code(changes: Mapping[str, str] | None = None, without: str = "") -> Code:
    """The toy project with the text of some files replaced, and without one."""
    files = {path: text for path, text in PROJECT.items() if path != without} | dict(changes or {})

    def source(path: str) -> Source:
        return read(textwrap.dedent(files[path]))

    return Code(files, source, ["lib.drawing"])


def changed(then: Code, now: Code) -> dict[str, tuple[str, ...]]:
    return dict(difference("tools.go", now, then).changed)


def replaced(path: str, old: str, new: str) -> str:
    assert old in PROJECT[path]
    return PROJECT[path].replace(old, new)


def test_what_a_command_reaches_and_nothing_else() -> None:
    units = {name for name, unit in code().behind("tools.go").items() if unit.digest}
    assert units == {
        Name("tools.go", "__main__"),
        Name("tools.go", "main"),
        # a name that the package gives away lazily
        Name("lib.nets", "Net"),
        Name("lib.nets", "Net.run"),
        # its base, with what makes it, but without the methods that nobody names
        Name("lib.nets", "Base"),
        Name("lib.nets", "Base.__init__"),
        # a relative import
        Name("lib.sizes", "SIZE"),
        # a class with a base from elsewhere, which may call any method
        Name("lib.nets", "helper"),
        Name("lib.nets", "Layer"),
        Name("lib.nets", "Layer.call"),
        Name("lib.nets", "called"),
        # an import inside a function, and a name that a package passes on
        Name("lib.late", "g"),
        Name("lib.deep.inner", "value"),
    }


def test_a_method_is_reached_where_its_name_is() -> None:
    now = code({"tools/go.py": replaced("tools/go.py", "Net().run()", "Net().shrink()")})
    units = set(now.behind("tools.go"))
    assert {Name("lib.nets", "Base.shrink"), Name("lib.nets", "unused_helper")} <= units
    assert Name("lib.nets", "Base.small") not in units
    assert Name("lib.nets", "Net.run") not in units


@pytest.mark.parametrize(
    "call", ["nets.helper(1)", "lib.nets.helper(1)", "lib.helper(1)", "n.helper(1)"]
)
def test_a_name_is_found_however_it_is_imported(call: str) -> None:
    text = (
        "import lib.nets\nimport lib.nets as n\nfrom lib import nets\n"
        f"if __name__ == '__main__':\n    {call}"
    )
    now = code({"tools/go.py": text, "lib/__init__.py": "from lib.nets import helper"})
    units = set(now.behind("tools.go"))
    assert Name("lib.nets", "called") in units
    assert Name("lib.sizes", "SIZE") not in units


def test_a_module_that_is_handed_on_counts_whole() -> None:
    text = "from lib import sizes\nif __name__ == '__main__':\n    look_into(sizes)"
    units = set(code({"tools/go.py": text}).behind("tools.go"))
    assert {Name("lib.sizes", "SIZE"), Name("lib.sizes", "OTHER")} <= units


def test_modules_that_pass_names_to_each_other_end() -> None:
    text = "from lib.a import x\nif __name__ == '__main__':\n    x()"
    now = code(
        {
            "tools/go.py": text,
            "lib/a.py": "from lib.b import x",
            "lib/b.py": "from lib.a import x",
        }
    )
    assert Name("tools.go", "__main__") in now.behind("tools.go")


def test_nothing_changed() -> None:
    assert changed(code(), code()) == {}
    assert difference("tools.go", code(), code()).modules == 5


def test_what_a_command_does_not_reach_may_change() -> None:
    now = code(
        {
            "lib/never.py": "X = 2",
            "lib/drawing.py": "def draw(): return 1",
            "lib/losses.py": "def loss(x): return x + 1",
            "lib/sizes.py": "SIZE = 3\nOTHER = 5",
            "lib/nets.py": replaced("lib/nets.py", "return unused_helper()", "return 5"),
        },
    )
    assert changed(code(), now) == {}


def test_what_has_changed_is_named() -> None:
    now = code(
        {
            "lib/sizes.py": "SIZE = 5",
            "lib/nets.py": replaced("lib/nets.py", "helper(self.size)", "helper(self.size + 1)"),
        },
    )
    assert changed(code(), now) == {"lib/nets.py": ("Net.run",), "lib/sizes.py": ("SIZE",)}


def test_what_has_moved_has_not_changed() -> None:
    then = code(
        {
            "late.py": "from lib.deep.inner import value\ndef g(): return value",
            "tools/go.py": replaced("tools/go.py", "from lib.late import g", "from late import g"),
        },
        without="lib/late.py",
    )
    assert changed(then, code()) == {}


def test_another_definition_of_the_same_name_has_changed() -> None:
    """The command's own text is the same, but for the module that it imports from."""
    then = code(
        {
            "other.py": "def g(): return 7",
            "tools/go.py": replaced("tools/go.py", "from lib.late import g", "from other import g"),
        },
    )
    assert changed(then, code()) == {
        "lib/deep/inner.py": ("value",),
        "lib/late.py": ("g",),
    }


def test_a_new_module_is_said_without_names() -> None:
    now = code(
        {
            "lib/new.py": "def more(): return 1",
            "lib/late.py": "from lib.new import more\ndef g(): return more()",
        },
    )
    assert changed(code(), now) == {"lib/late.py": ("g",), "lib/new.py": ()}


def test_what_a_change_calls_in_addition_is_not_told_again() -> None:
    now = code({"lib/late.py": "from lib.sizes import OTHER\ndef g(): return OTHER"})
    assert changed(code(), now) == {"lib/late.py": ("g",)}


def test_a_command_that_was_not_there_is_new_as_a_whole() -> None:
    found = difference("tools.go", code(), code(without="tools/go.py"))
    assert found.changed["tools/go.py"] == ()


def test_files_that_the_code_names() -> None:
    text = (
        "FILES = ['first.h5', f'second_{kind}.h5']\nTEXTURE = 'small'\n"
        "if __name__ == '__main__':\n    main(FILES, TEXTURE)"
    )
    behind = code({"tools/go.py": text}).behind("tools.go")
    names = ("first", "second_a", "third", "vgg_face_small")
    files = [f"weights/{name}.h5" for name in names]
    assert files_of(behind, files) == {*files} - {"weights/third.h5"}


def test_what_is_left_out_is_there() -> None:
    for name in LEFT_OUT:
        module, _, unit = name.partition(":")
        path = ROOT / module.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        assert file.is_file(), name
        assert not unit or unit in read(file.read_text("utf-8")).units, name
