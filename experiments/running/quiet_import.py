"""TensorFlow's chatter while it is imported, kept from who runs a command.

Its C++ parts tell about oneDNN and missing GPUs before TF_CPP_MIN_LOG_LEVEL counts, straight to the
terminal. This file imports nothing heavy: TensorFlow is imported by whoever needs it.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

_CHATTER = re.compile(rb"I\d{4} |WARNING: All log messages before absl::InitializeLog")


class QuietTensorFlow(importlib.abc.MetaPathFinder):
    """Finds TensorFlow where it is, and keeps standard error back while it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """As an import asks; None for all but TensorFlow, once."""
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def quietly(module: ModuleType) -> None:
                with without_chatter():
                    execute(module)

            spec.loader.exec_module = quietly  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Standard error of this process, C++ included, less the lines that only inform.

    Where TensorFlow may abort the process at once, nothing is held back: it says why.
    """
    if not can_run_tensorflow():
        yield
        return
    try:
        terminal = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            kept.seek(0)
            said = [line for line in kept if not _CHATTER.match(line)]
            if said:
                os.write(2, b"".join(said))


def can_run_tensorflow(processor: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor is not known to lack AVX, for which TensorFlow is compiled."""
    try:
        flags = re.search(r"^flags\s*:(.*)$", processor.read_text("utf-8"), re.MULTILINE)
    except (OSError, ValueError):
        return True
    return flags is None or "avx" in flags[1].split()
