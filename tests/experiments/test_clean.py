from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import clean
from experiments.clean import clean_files, files_to_clean
from resgn.generator import GeneratorConfig, residual_generator
from resgn.saved_generator import save_generator
from tests.experiments.command import run
from weights.errors import InputError


def save(path: Path, value: int = 100, size: tuple[int, int] = (20, 24), **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(path, **options)
    return path


def darker(images: np.ndarray) -> np.ndarray:
    """A cleaner that is easy to see."""
    return images - 10


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_folder_is_mirrored(tmp_path: Path) -> None:
    source = tmp_path / "in"
    save(source / "a.png", 50)
    save(source / "deep" / "b.bmp", 60, (17, 31))
    save(source / "deep" / "c.jpg", 70)
    save(source / ".hidden" / "d.png")
    (source / "notes.txt").write_text("no image")
    wanted = files_to_clean(source, tmp_path / "out", force=False)
    assert clean_files(wanted, darker) == []
    written = sorted(p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*.*"))
    assert [str(path) for path in written] == ["a.png", "deep/b.png", "deep/c.jpg"]
    assert (pixels(tmp_path / "out" / "a.png") == 40).all()
    assert pixels(tmp_path / "out" / "deep" / "b.png").shape == (17, 31, 3)
    assert (pixels(tmp_path / "out" / "deep" / "b.png") == 50).all()


def test_images_of_one_size_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "BATCH_PIXELS", 3 * 20 * 24)
    for number in range(7):
        save(tmp_path / "in" / f"{number}.png", 10 * number + 20)
    save(tmp_path / "in" / "large.png", 200, (40, 24))
    shapes = []

    def recording(images: np.ndarray) -> np.ndarray:
        shapes.append(images.shape[:3])
        return darker(images)

    clean_files(files_to_clean(tmp_path / "in", tmp_path / "out", False), recording)
    assert sorted(shapes) == [(1, 20, 24), (1, 40, 24), (3, 20, 24), (3, 20, 24)]
    for number in range(7):
        assert (pixels(tmp_path / "out" / f"{number}.png") == 10 * number + 10).all()


def test_few_images_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "WAITING_PIXELS", 1000)
    files = [save(tmp_path / "in" / f"{n}.png", size=(20, 20 + n)) for n in range(5)]
    held, most = [], 0
    for outputs, _ in clean._batches([(file, file) for file in files], held.append):
        most = max(most, len(outputs))
    assert most == 1
    assert held == []


def test_grey_transparent_deep_and_turned_images(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    Image.fromarray(np.full((20, 20), 90, np.uint8)).save(source / "grey.png")
    Image.fromarray(np.full((20, 20), 90 * 257, np.uint16)).save(source / "deep.png")
    Image.fromarray(np.zeros((20, 20, 4), np.uint8)).save(source / "clear.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    save(source / "turned.jpg", size=(20, 30), exif=exif)
    clean_files(files_to_clean(source, tmp_path / "out", False), darker)
    assert (pixels(tmp_path / "out" / "grey.png") == 80).all()
    assert (pixels(tmp_path / "out" / "deep.png") == 80).all()
    assert (pixels(tmp_path / "out" / "clear.png") == 245).all()
    assert pixels(tmp_path / "out" / "turned.jpg").shape == (30, 20, 3)
    assert 0x0112 not in Image.open(tmp_path / "out" / "turned.jpg").getexif()


def test_what_cannot_be_read_is_skipped_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    save(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"bad")
    failed = clean_files(files_to_clean(tmp_path / "in", tmp_path / "out", False), darker)
    assert len(failed) == 1
    assert "bad.png is not an image" in failed[0]
    assert "skipped: " in capsys.readouterr().err
    assert (tmp_path / "out" / "good.png").exists()


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    source, output = save(tmp_path / "in" / "a.png", 50), tmp_path / "out" / "a.png"
    save(output, 7)
    with pytest.raises(InputError, match="is there already; --force"):
        files_to_clean(source, output, force=False)
    assert files_to_clean(source, output, force=True) == [(source, output)]
    assert files_to_clean(tmp_path / "in", tmp_path / "out", force=False) == []
    assert files_to_clean(tmp_path / "in", tmp_path / "out", force=True) == [(source, output)]


@pytest.mark.parametrize("force", [False, True])
def test_an_original_is_never_overwritten(tmp_path: Path, force: bool) -> None:
    source = save(tmp_path / "in" / "a.png")
    (tmp_path / "link.png").hardlink_to(source)
    for one, other in (
        (source, source),
        (source, source.parent),
        (source.parent, source.parent),
        (source, tmp_path / "link.png"),
    ):
        with pytest.raises(InputError, match="an original is never overwritten"):
            files_to_clean(one, other, force)


def test_output_inside_the_input_is_not_cleaned_again(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png")
    save(tmp_path / "out" / "b.png")
    assert files_to_clean(tmp_path, tmp_path / "out", False) == [
        (source, tmp_path / "out" / "a.png")
    ]


def test_bad_names(tmp_path: Path) -> None:
    source = save(tmp_path / "in" / "a.png")
    with pytest.raises(InputError, match="there is no such file or folder"):
        files_to_clean(tmp_path / "absent", tmp_path / "out", False)
    with pytest.raises(InputError, match=r"written as \.png"):
        files_to_clean(source, tmp_path / "out.gif", False)
    with pytest.raises(InputError, match="a folder is cleaned into a folder"):
        files_to_clean(tmp_path / "in", save(tmp_path / "file.png"), False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        files_to_clean(tmp_path / "empty", tmp_path / "out", False)
    save(tmp_path / "in" / "a.bmp")
    with pytest.raises(InputError, match="would both become"):
        files_to_clean(tmp_path / "in", tmp_path / "out", False)


def test_as_a_user_types_it(tmp_path: Path) -> None:
    config = GeneratorConfig(blocks=1, maps=4, in_kernel=3, out_kernel=3, scale=4, image_skip=True)
    save_generator(residual_generator(config), config, tmp_path / "identity.h5")
    save(tmp_path / "in" / "a.png", size=(21, 35))
    (tmp_path / "in" / "bad.jpg").write_bytes(b"")
    weights = f"--weights={tmp_path / 'identity.h5'}"
    done = run("clean", weights, str(tmp_path / "in"), str(tmp_path / "out"))
    assert done.returncode == 1
    assert "1 image cleaned" in done.stdout
    assert "bad.jpg is empty" in done.stderr
    assert "Traceback" not in done.stderr
    # A ResGN that starts from the identity leaves the image as it is.
    np.testing.assert_array_equal(
        pixels(tmp_path / "out" / "a.png"), pixels(tmp_path / "in" / "a.png")
    )


def test_one_argument_is_too_few() -> None:
    with pytest.raises(InputError, match="Two names are needed"):
        clean.main(["clean", "in.jpg"])
