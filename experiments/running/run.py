"""A run: its folder, flags, metrics, TensorBoard events and result."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from experiments.running.devices import Devices
from experiments.running.files_behind import hashes
from experiments.running.json_files import as_text, read_kept, write_json
from experiments.running.provenance import command, commit, device
from experiments.running.results import Row, csv_table, markdown_table, write_text
from experiments.running.results_version import FIRST, KEY, results_version
from experiments.running.run_folder import SETTINGS, chosen_folder, claim, new_folder
from weights.atomic import named_errors
from weights.errors import InputError


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a run writes, and whether it goes on with an earlier one.

    Attributes:
      folder: of the run; `runs/<experiment>/<time>/` where it is None.
      resume: go on with the run in `folder`, or without one with the latest unfinished run that has
        the same settings.
      seed: of all randomness; `result.json` names it.
    """

    folder: Path | None = None
    resume: bool = False
    seed: int = 0


class Run:
    """One run of an experiment, in a folder of its own.

    Args:
      experiment: its name, e.g. `table1`.
      settings: every setting that decides the result; a run is only resumed with the same ones.
      place: its folder.
      devices: what it computes on. Of several machines only the chief writes into the run's folder;
        what the others write goes into a temporary one and is lost.

    Attributes:
      folder: where this process writes.
      shared: the run's folder, where every machine reads; on the chief it is `folder`.

    Raises:
      InputError: the folder belongs to a run with other settings or of another version, files
        behind it hold something else now, or there is nothing to resume.
      OSError: the folder cannot be written.
    """

    def __init__(
        self,
        experiment: str,
        settings: Mapping[str, Any],
        place: Place = Place(),
        devices: Devices | None = None,
    ) -> None:
        self.experiment = experiment
        self._settings = json.loads(as_text({**settings, KEY: results_version(experiment)}))
        self._place, self._devices = place, devices
        if devices is None or devices.chief:
            self.folder = self.shared = self._folder()
        else:
            self._scratch = tempfile.TemporaryDirectory()
            self.folder, self.shared = Path(self._scratch.name), place.folder or Path()
        if not claim(self.folder, as_text(self._settings, 2) + "\n"):
            if not place.resume:
                raise InputError(
                    f"{self.folder} holds a run already: pass `resume` to go on with it, or choose "
                    "another `output_dir`."
                )
            self._check_same(_settings_of(self.folder))
        files = hashes(self._settings)
        self._check_files(files)
        self._check_machines(files)
        self._metrics = (self.folder / "metrics.jsonl").open("a", encoding="utf-8")
        self._writers: dict[str, tf.summary.SummaryWriter] = {}
        self._lock = threading.Lock()  # rows may be made at once
        # A continued run counts the time that its earlier parts took.
        self._clock_file = self.folder / "seconds.json"
        self._earlier = 0.0
        if self._clock_file.exists():
            with contextlib.suppress(ValueError, TypeError):  # a damaged clock costs no result
                self._earlier = float(json.loads(self._clock_file.read_text("utf-8")))
        self._began = time.monotonic()
        self._commit = commit()  # now: files may change while it runs, its code does not
        logging.info("Run folder: %s", self.folder)

    def _folder(self) -> Path:
        if self._place.folder is not None:
            return chosen_folder(self._place.folder)
        base = Path("runs") / self.experiment
        if self._place.resume:
            for folder in sorted(base.glob("*/"), reverse=True):
                if not (folder / SETTINGS).exists() or (folder / "result.json").exists():
                    continue
                try:
                    if _settings_of(folder) == self._settings:
                        return folder
                except InputError as error:
                    logging.warning("%s", error)
            logging.warning("No unfinished run with these flags under %s; starting anew.", base)
        return new_folder(self.experiment)

    def _check_same(self, before: dict[str, Any]) -> None:
        if before[KEY] != self._settings[KEY]:
            raise InputError(
                f"{self.folder} was begun with another version of the project, whose results mean "
                f"something else ({KEY} {before[KEY]}, now {self._settings[KEY]}): its rows must "
                "not stand beside new ones. Choose another `output_dir`."
            )
        names = sorted(set(before) | set(self._settings))
        differ = [n for n in names if before.get(n) != self._settings.get(n)]
        if differ:
            what = ", ".join(f"`{n}` (was {before.get(n)!r})" for n in differ)
            raise InputError(
                f"{self.folder} was run with other flags: {what}. Give the same ones to resume it, "
                "or another `output_dir`."
            )

    def _check_files(self, now: dict[str, str]) -> None:
        """Settings name files, or leave it to those that come along; what these hold counts."""
        before = self._noted("files.json", now)
        differ = [name for name in before if now.get(name) != before[name]]
        if differ:
            what = ", ".join(f"`{name}`" for name in differ)
            raise InputError(
                f"Since {self.shared} began, other content has come into {what}: put back what was "
                "there to resume it, or choose another `output_dir`."
            )

    def _check_machines(self, files: dict[str, str]) -> None:
        """Machines that train together were told the same and read the same files."""
        if self._devices is None or self._devices.workers == 1:
            return
        told = as_text({"settings": self._settings, "files": files})
        if not self._devices.alike(hashlib.sha256(told.encode()).digest()):
            raise InputError(
                "The machines were told different flags, or have other files behind them: give "
                "each the same command, the same version of the project and the same weights."
            )

    def same_data(self, *images: np.ndarray) -> None:
        """Check that a run that was cut off goes on with the data that it began with.

        Otherwise the rows of one table would speak of different pictures.

        Args:
          images: what the run works on, of any shape and type.

        Raises:
          InputError: they are others.
        """
        digest = hashlib.sha256()
        for each in images:
            digest.update(f"{each.dtype} {each.shape}".encode())
            digest.update(np.ascontiguousarray(each).data)
        now = {"sha256": digest.hexdigest()}
        if self._noted("data.json", now) != now:
            raise InputError(
                f"The photographs are not those that {self.shared} began with. Give it the same "
                "data to resume it, or another `output_dir`."
            )

    def _noted(self, name: str, now: dict[str, str]) -> dict[str, str]:
        """What the run wrote down when it began; where it did not, what is so now is."""
        with contextlib.suppress(FileNotFoundError, ValueError):  # damaged: as good as absent
            before = json.loads((self.shared / name).read_text("utf-8"))
            if isinstance(before, dict):
                return before
        write_json(self.folder / name, now)
        return now

    def measured(self, name: str, measure: Callable[[], Row]) -> Row:
        """A row of the table; one that was measured before a run was cut off is read back."""
        stored = read_kept(self.shared / "rows" / f"{name}.json", Row.from_json)
        there = stored is not None
        if (there if self._devices is None else self._devices.everyone(there)) and stored:
            return stored
        row = measure()
        file = self.folder / "rows" / f"{name}.json"
        self.log(name, 0, {f"test/{c}": m.value for c, m in row.columns.items()})
        write_json(file, row.as_json())
        return row

    def log(self, row: str, step: int, values: Mapping[str, float]) -> None:
        """One JSON object in `metrics.jsonl`, and scalars in TensorBoard under `row`."""
        record = {"row": row, "step": step, "seconds": round(self.seconds(), 1), **values}
        with self._lock:
            with named_errors(self.folder / "metrics.jsonl"):
                self._metrics.write(as_text(record) + "\n")
                self._metrics.flush()
            write_json(self._clock_file, round(self.seconds(), 1))
        with self.writer(row).as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self.writer(row).flush()

    def log_images(self, row: str, step: int, images: Mapping[str, np.ndarray]) -> None:
        """Panels in TensorBoard; float `[N, H, W, 3]` in [0, 1] or uint8."""
        with self.writer(row).as_default(step=step):
            for name, batch in images.items():
                tf.summary.image(name, batch, max_outputs=len(batch))
        self.writer(row).flush()

    def writer(self, row: str) -> tf.summary.SummaryWriter:
        """TensorBoard's writer of one row, or with "" of what concerns them all."""
        with self._lock:
            if row not in self._writers:
                self._writers[row] = tf.summary.create_file_writer(
                    str(self.folder / "tensorboard" / row)
                )
            return self._writers[row]

    def seconds(self) -> float:
        """Time of this run so far, its earlier parts included."""
        return self._earlier + time.monotonic() - self._began

    def finish(
        self,
        rows: list[Row],
        precision: str,
        first: str,
        notes: str = "",
        plain: tuple[str, ...] = (),
        **extra: Any,
    ) -> str:
        """Write `result.json`, the table as Markdown and CSV; returns the Markdown."""
        write_json(self._clock_file, round(self.seconds(), 1))
        table = markdown_table(rows, first, notes, plain)
        write_text(self.folder / f"{self.experiment}.md", table)
        write_text(self.folder / f"{self.experiment}.csv", csv_table(rows))
        write_json(
            self.folder / "result.json",
            {
                "experiment": self.experiment,
                "command": command(),
                "commit": self._commit,
                "seed": self._place.seed,
                "seconds": round(self.seconds(), 1),
                "device": device(),
                "precision": precision,
                **extra,
                "table": {"first": first, "notes": notes, "plain": list(plain)},
                "rows": [row.as_json() for row in rows],
            },
        )
        for writer in self._writers.values():
            writer.close()
        self._metrics.close()
        return table


def _settings_of(folder: Path) -> dict[str, Any]:
    """The settings of a run, and the version of its results.

    Raises:
      InputError: its `flags.json` is damaged.
    """
    try:
        return {KEY: FIRST, **json.loads((folder / SETTINGS).read_text("utf-8"))}
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{folder / SETTINGS} is damaged ({error}): choose another `output_dir`."
        ) from error
