"""What the project's files held at each commit of its history."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO


class History:
    """The history behind a commit; one process of git gives all contents. A context manager.

    Args:
      root: the project's folder, which is the repository's.
      commit: whose history it is, by any name that git knows.

    Raises:
      OSError: there is no git.
      subprocess.SubprocessError: there is no repository, no such commit, or only the last part of
        the history.
    """

    def __init__(self, root: Path, commit: str = "HEAD") -> None:
        self._root = root
        if self._git("rev-parse", "--show-prefix", "--is-shallow-repository") != "\nfalse\n":
            raise subprocess.SubprocessError(f"{root} holds no whole history.")
        self._commits = self._git("rev-list", commit).split()
        self._contents = subprocess.Popen(
            ["git", "-C", str(root), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> History:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._contents.communicate()

    def commit(self, name: str) -> str | None:
        """The whole name of a commit that is given by its first digits; None where it is not there.

        A commit that git still has, and that does not lead to this history, is not there: nobody
        who clones the project gets it.
        """
        return next((commit for commit in self._commits if commit.startswith(name)), None)

    def last(self, paths: Sequence[str]) -> str | None:
        """The last commit that changed one of the files that git's path patterns name."""
        return self._git("rev-list", "-1", self._commits[0], "--", *paths).strip() or None

    @functools.cache  # noqa: B019 - lives as long as its process
    def files(self, commit: str) -> dict[str, str]:
        """What git calls the content of each file of a commit, by path."""
        listed = self._git("ls-tree", "-r", "-z", commit).split("\0")
        lines = (line.split("\t", 1) for line in listed if line)
        return {path: about.split()[2] for about, path in lines if about.split()[1] == "blob"}

    def content(self, name: str) -> bytes:
        """What `files` names."""
        pipe_in, pipe_out = _pipes(self._contents)
        pipe_in.write(f"{name}\n".encode())
        pipe_in.flush()
        size = int(pipe_out.readline().split()[2])
        content = pipe_out.read(size)
        pipe_out.read(1)
        return content

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self._root), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("The process has no pipes.")
    return process.stdin, process.stdout
