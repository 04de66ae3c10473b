"""Which code stands behind a command, on toy projects."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from experiments.running.code_behind import LEFT_OUT, Code, Name, difference, files_of
from experiments.running.code_units import Source, read
from experiments.running.result_ages import ROOMS
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


def test_a_method_that_fell_back_to_a_bases_has_changed() -> None:
    """Nothing is there that could mean something else, and yet a call does."""
    with_override = replaced(
        "lib/nets.py",
        "class Net(Base):",
        "class Net(Base):\n            def shrink(self): return 2\n",
    )
    call = replaced("tools/go.py", "Net().run()", "Net().shrink()")
    then = code({"lib/nets.py": with_override, "tools/go.py": call})
    assert changed(then, code({"tools/go.py": call})) == {"lib/nets.py": ("Net.shrink",)}
    # Nobody called it.
    assert changed(code({"lib/nets.py": with_override}), code()) == {}


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


def called(module: str, *arguments: str) -> set[Name]:
    """The functions and methods of the project that a command really calls."""
    program = f"""
        import runpy, sys
        seen = set()

        def note(frame, event, _):
            if event == "call":
                seen.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

        def begin(frame, event, _):
            # What modules compute when they are imported need not be of use.
            if event == "call" and frame.f_code.co_name == "main":
                sys.setprofile(note)

        sys.argv[1:] = {arguments!r}
        sys.setprofile(begin)
        try:
            runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
        finally:
            sys.setprofile(None)
            print(*("%s:%d" % each for each in seen), sep="\\n", file=sys.stderr)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    found = set()
    for line in done.stderr.splitlines():
        file, _, number = line.rpartition(":")
        path = Path(file)
        if path.suffix == ".py" and path.parent != ROOT and ROOT in path.parents:
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            unit = definitions(path).get(int(number))
            if unit and name.partition(".")[0] in ROOMS:
                found.add(Name(name.removesuffix(".__init__"), unit))
    return found


@functools.cache
def definitions(path: Path) -> dict[int, str]:
    """The function or method that holds each line of a file."""
    lines: dict[int, str] = {}

    def note(body: list[ast.stmt], before: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                note(node.body, f"{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                end = node.end_lineno or first
                lines.update(dict.fromkeys(range(first, end + 1), before + node.name))

    note(ast.parse(path.read_text("utf-8")).body, "")
    return lines


@pytest.mark.parametrize(
    ("module", "arguments", "least"),
    [("experiments.results_page", ("--check",), 30), ("experiments.weights", (), 5)],
)
def test_all_that_a_command_calls_is_behind_it(
    module: str, arguments: tuple[str, ...], least: int
) -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    names = [path.relative_to(ROOT).as_posix() for path in files]
    now = Code(names, lambda path: read((ROOT / path).read_text("utf-8")), ())
    ran = called(module, *arguments)
    assert len(ran) > least
    stored = "experiments.running.stored_results"
    in_sentences = {Name(stored, "StoredResult.facts"), Name(stored, "duration")}
    assert ran - set(now.behind(module)) <= in_sentences


def test_half_of_the_project_is_not_behind_the_other() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    names = [path.relative_to(ROOT).as_posix() for path in files]
    now = Code(names, lambda path: read((ROOT / path).read_text("utf-8")))
    table1, attack = now.behind("experiments.table1"), now.behind("experiments.mofa_attack")
    assert {
        Name("attacks.pgd", "PGD"),
        Name("resgn.generator", "residual_generator"),
        Name("resgn.losses", "JointLoss"),
        Name("resgn.training", "Trainer"),
        Name("experiments.face_verification.settings", "VerificationSettings.laptop"),
    } <= set(table1)
    assert not {name.module for name in table1 if name.module.startswith(("mofa.", "detector."))}
    assert {
        Name("attacks.semantic", "PerturbationAttack"),
        Name("mofa.encoder", "load"),
        Name("mofa.morphable_model", "MorphableModel"),
    } <= set(attack)
    weights = [f"weights/{name}" for name in ("resgn_facenet.h5", "mofa_encoder_small.h5")]
    assert files_of(table1, weights) == {"weights/resgn_facenet.h5"}
    assert files_of(attack, weights) == {"weights/mofa_encoder_small.h5"}
