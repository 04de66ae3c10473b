"""Clean photographs with a trained ResGN: one file, or a folder with all that lies in it.

    python -m experiments.clean in.jpg out.png
    python -m experiments.clean photographs/ cleaned/
    python -m experiments.clean --weights=runs/table1/<time>/cleaners/joint.h5 in.jpg out.png

Images of any size are cleaned at their own resolution and written with 8 bits a channel: .png and
.jpg under their own names, other kinds (PGM, BMP, WebP, TIFF, GIF) as .png. What the camera's EXIF
data say of the orientation is applied, and EXIF data are left out; grey images become RGB, 16 bits
8, transparency white. In a folder, files that are there already are left as they are unless
--force is given, so that the same command goes on after an interruption; files that cannot be read
are named and skipped, and the command then ends with status 1.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tqdm

from experiments.flags import command_line, generator_flags
from experiments.flags.groups import FlagGroup
from resgn.faces.image_file import read_image, write_image
from resgn.faces.image_files import KINDS, images_below
from resgn.image_cleaner import ImageCleaner
from resgn.saved_generator import load_generator
from weights.errors import InputError

FLAGS = FlagGroup(generator_flags.FLAGS)

_FORCE = FLAGS.boolean("force", False, "Overwrite files that are there already.")


BATCH_PIXELS = 1 << 20
"""Pixels of a batch at most, 40 images of 160x160."""

WAITING_PIXELS = 1 << 26
"""Pixels that may wait until a batch of their size is full."""

KEPT_SUFFIXES = (".png", ".jpg", ".jpeg")


def main(arguments: list[str]) -> None:
    """Clean what the arguments name."""
    if len(arguments) != 3:
        raise InputError(
            "Two names are needed, what to clean and where to write: "
            "python -m experiments.clean in.jpg out.png, or two folders."
        )
    source, destination = (Path(name).expanduser() for name in arguments[1:])
    wanted = files_to_clean(source, destination, _FORCE.value)
    saved = load_generator(generator_flags.WEIGHTS.value)
    cleaner = ImageCleaner(saved.model, saved.config)
    failed = clean_files(wanted, cleaner)
    if source.is_file() and failed:
        raise InputError(failed[0])
    done = len(wanted) - len(failed)
    print(f"{done} image{'' if done == 1 else 's'} cleaned into {destination}")
    if failed:
        sys.exit(1)


def files_to_clean(source: Path, destination: Path, force: bool) -> list[tuple[Path, Path]]:
    """Pairs of an image file and the file to write.

    Args:
      source: an image file, or a folder that is searched to its end, hidden files left out.
      destination: a file that ends in .png, .jpg or .jpeg, or for a folder a folder, in which the
        names below `source` are mirrored.
      force: also name files to write that are there already.

    Raises:
      InputError: there is nothing to clean, what is to be written is there already or would
        overwrite what is read, or two images would take one name.
    """
    if not source.exists():
        raise InputError(f"{source}: there is no such file or folder.")
    if source.resolve() == destination.resolve():
        raise InputError(f"{destination}: an original is never overwritten; choose another name.")
    if source.is_file():
        return [(source, _single_output(source, destination, force))]
    if destination.exists() and not destination.is_dir():
        raise InputError(f"{destination} is a file; a folder is cleaned into a folder.")
    inside = destination.resolve()
    images = [path for path in images_below(source) if inside not in path.resolve().parents]
    if not images:
        raise InputError(f"{source} holds no images ({KINDS}).")
    wanted: dict[Path, Path] = {}
    for path in images:
        output = destination / path.relative_to(source)
        if output.suffix.lower() not in KEPT_SUFFIXES:
            output = output.with_suffix(".png")
        if output in wanted:
            raise InputError(
                f"{wanted[output]} and {path} would both become {output}; rename one of them."
            )
        wanted[output] = path
    there = [output for output in wanted if output.exists()]
    if there and not force:
        print(f"{len(there)} files are in {destination} already and stay; --force cleans anew.")
        wanted = {output: path for output, path in wanted.items() if not output.exists()}
    return [(path, output) for output, path in wanted.items()]


def _single_output(source: Path, destination: Path, force: bool) -> Path:
    if destination.is_dir():
        destination = destination / source.name
    if destination.suffix.lower() not in KEPT_SUFFIXES:
        raise InputError(f"{destination}: images are written as .png, .jpg or .jpeg.")
    if destination.exists() and destination.samefile(source):
        raise InputError(f"{destination}: an original is never overwritten; choose another name.")
    if destination.exists() and not force:
        raise InputError(f"{destination} is there already; --force overwrites it.")
    return destination


def clean_files(
    wanted: list[tuple[Path, Path]], cleaner: Callable[[np.ndarray], np.ndarray]
) -> list[str]:
    """Clean files in batches of one size, with a progress bar.

    Args:
      wanted: pairs of the file to read and the file to write.
      cleaner: from uint8 `[N, H, W, 3]` to the same.

    Returns:
      What was wrong with each file that could not be read, which was also printed.
    """
    failed: list[str] = []
    with tqdm.tqdm(total=len(wanted), desc="cleaning", unit="image") as bar:

        def report(message: str) -> None:
            failed.append(message)
            bar.write(f"skipped: {message}", file=sys.stderr)
            bar.update(1)

        for outputs, images in _batches(wanted, report):
            for output, image in zip(outputs, cleaner(images), strict=True):
                write_image(output, image)
                bar.update(1)
    return failed


def _batches(
    wanted: list[tuple[Path, Path]], report: Callable[[str], None]
) -> Iterator[tuple[list[Path], np.ndarray]]:
    """Images of one size together; those of rare sizes wait, though not too many of them."""
    waiting: dict[tuple[int, int], list[tuple[Path, np.ndarray]]] = collections.defaultdict(list)
    pixels = 0

    def taken(size: tuple[int, int]) -> tuple[list[Path], np.ndarray]:
        outputs, images = zip(*waiting.pop(size), strict=True)
        return list(outputs), np.stack(images)

    for path, output in wanted:
        try:
            image = read_image(path)
        except InputError as error:
            report(str(error))
            continue
        size = (image.shape[0], image.shape[1])
        waiting[size].append((output, image))
        pixels += size[0] * size[1]
        if (len(waiting[size]) + 1) * size[0] * size[1] > BATCH_PIXELS or pixels > WAITING_PIXELS:
            pixels -= len(waiting[size]) * size[0] * size[1]
            yield taken(size)
    for size in list(waiting):
        yield taken(size)


if __name__ == "__main__":
    command_line.run(main, FLAGS, positional=True)
