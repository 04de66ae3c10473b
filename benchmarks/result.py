"""What a benchmark measured, in a file as the runs of `experiments/` leave them."""

from __future__ import annotations

from pathlib import Path

from experiments.flags import file_flags
from experiments.flags.run_flags import SEED
from experiments.running.json_files import write_json
from experiments.running.provenance import command, commit, device
from experiments.running.results import Row
from experiments.running.stored_results import StoredResult, without_paths


def keep(
    experiment: str,
    rows: list[Row],
    seconds: float,
    first: str,
    notes: str,
    plain: tuple[str, ...],
) -> None:
    """Write a `result.json` to --output; nothing where none is given.

    Args:
      experiment: name of the benchmark.
      rows: what was measured.
      seconds: that the whole benchmark took.
      first: heading of the column of names.
      notes: what stands below the table.
      plain: columns that are no rates.
    """
    if file_flags.OUTPUT.value is None:
        return
    path = Path(file_flags.OUTPUT.value)
    result = StoredResult(
        name=path.stem,
        experiment=experiment,
        command=without_paths(command()),
        commit=commit(),
        seed=SEED.value,
        seconds=round(seconds, 1),
        device=device(),
        precision="float32",
        first=first,
        notes=notes,
        plain=plain,
        rows=tuple(rows),
    )
    write_json(path, result.as_json())
    print(f"\n{path} written.")
