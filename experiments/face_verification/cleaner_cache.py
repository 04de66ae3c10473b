"""Trained ResGNs kept in the user's cache, so that no table trains again what another one has.

An entry is two files: `<name>.h5`, the network, and `<name>.json`, its settings, the course of its
training and the hash of the network's file. The name is a hash over all that decides the result.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from experiments.running import content_cache
from experiments.running.json_files import write_json
from resgn.generator import GeneratorConfig
from resgn.saved_generator import load_generator, save_generator
from resgn.training import Progress
from weights import files
from weights.errors import InputError
from weights.folders import cache_folder

_log = logging.getLogger(__name__)

FORMAT = 2
"""Part of every entry's name; to be raised whenever the same settings would train otherwise."""


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedCleaner:
    """A ResGN from the cache.

    Attributes:
      model: the network, frozen.
      history: what was reported after each epoch of its training.
    """

    model: tf.keras.Model
    history: list[Progress]


def entry_name(settings: Mapping[str, Any], data: Iterable[np.ndarray]) -> str:
    """A name for what training with these settings on this data gives: 32 hexadecimal digits."""
    text = json.dumps([FORMAT, tf.__version__, settings], sort_keys=True)
    return content_cache.digest_of(text, data)


def training_folder(
    name: str,
    settings: Mapping[str, Any],
    data: Iterable[np.ndarray],
    run_folder: Path,
    alone: bool = True,
) -> Path:
    """Where the checkpoints of a training lie: in the user's cache, so that all tables share it.

    Args:
      name: of what is trained.
      settings: all that decides the result beside the data.
      data: to learn from.
      run_folder: where they lie if the cache cannot be written.
      alone: whether no other process of the same run writes there.
    """
    instead = run_folder / "training" / name
    if not alone:
        return instead
    folder = cache_folder() / "cleaners" / entry_name({"cleaner": name} | dict(settings), data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("%s is not kept for other runs: %s cannot be made (%s).", name, folder, error)
        return instead
    return folder


def read(name: str, precision: str) -> TrainedCleaner | None:
    """The entry of this name; None, with a warning if it is damaged, where there is none."""
    record, weights = _paths(name)
    try:
        stored = json.loads(record.read_text("utf-8"))
        if stored["sha256"] != files.sha256(weights):
            raise ValueError("its weights are not those that were saved")
        history = [Progress(**progress) for progress in stored["history"]]
        if not history:
            raise ValueError("it says nothing of its training")
        return TrainedCleaner(load_generator(weights, precision).model, history)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s is damaged (%s): this ResGN is trained anew.", record, error)
        return None


def keep(
    name: str,
    model: tf.keras.Model,
    config: GeneratorConfig,
    settings: Mapping[str, Any],
    history: list[Progress],
) -> None:
    """Put a trained ResGN into the cache; a cache that cannot be written means a warning."""
    record, weights = _paths(name)
    try:
        save_generator(model, config, weights)
        # Last, since it vouches for the weights.
        write_json(
            record,
            {
                "settings": dict(settings),
                "sha256": files.sha256(weights),
                "history": [dataclasses.asdict(progress) for progress in history],
            },
        )
    except (OSError, InputError) as error:
        _log.warning("The trained ResGN is not kept: %s cannot be written (%s).", weights, error)


def _paths(name: str) -> tuple[Path, Path]:
    folder = cache_folder() / "cleaners"
    return folder / f"{name}.json", folder / f"{name}.h5"
