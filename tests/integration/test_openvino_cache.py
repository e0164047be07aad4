"""Converted models on disk: used if intact, otherwise converted again, and cleaned up."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from small_clip import small_clip, small_encoder, small_towers
from structlog.testing import capture_logs
from tihua_server.clip.agreement import LOWEST_COSINE
from tihua_server.clip.encoder import ClipEncoder
from tihua_server.clip.model import ClipModel, Towers
from tihua_server.clip.openvino_cache import keep, read
from tihua_server.clip.openvino_conversion import Networks
from tihua_server.clip.openvino_engine import make_openvino_engine
from tihua_server.errors import PrecisionTooLow
from tihua_server.packaged_gallery import gallery_pixels
from tihua_server.types import FloatArray

PICTURES = gallery_pixels(4, 64)


def embeddings(encoder: ClipEncoder) -> FloatArray:
    """Return the embeddings of a text and the pictures."""
    text = encoder.encode_texts([encoder.tokenize("雪地里奔跑的狗").ids])
    return np.concatenate([text, encoder.encode_images(PICTURES)])


def served(model: ClipModel, cache_dir: Path) -> FloatArray:
    """Load the model with a cache; return its embeddings."""
    engine = make_openvino_engine(model, "fp32", threads=2, cache_dir=cache_dir)
    return embeddings(ClipEncoder(model, engine))


def counted(made: list[Towers]) -> ClipModel:
    """Return the small model; it appends its towers to `made` whenever they are built."""

    def towers() -> Towers:
        made.append(small_towers())
        return made[-1]

    return replace(small_clip(), towers=towers)


@pytest.fixture(scope="module")
def expected(small_cache: Path) -> FloatArray:
    """Return the embeddings of the small model."""
    return embeddings(small_encoder(small_cache))


@pytest.fixture
def cache(small_cache: Path, tmp_path: Path) -> Path:
    """Return a copy of the cache of a first start."""
    return shutil.copytree(small_cache, tmp_path / "cache")


@pytest.fixture
def folder(cache: Path) -> Path:
    """Return the folder of the only model in the cache."""
    (sums,) = cache.rglob("SHA256SUMS")
    return sums.parent


@pytest.fixture
def networks(folder: Path) -> Networks:
    """Return the networks of the small model."""
    kept = read(folder)
    assert kept
    return kept.networks


def test_a_converted_model_is_kept_for_the_next_start(cache: Path, expected: FloatArray) -> None:
    """The second start converts, compares and logs nothing."""
    made: list[Towers] = []
    with capture_logs() as logs:
        rows = served(counted(made), cache)
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    assert (made, logs) == ([], [])


def cut(data: bytes) -> bytes:
    """Return the start of a file, as a full disk leaves it."""
    return data[:100]


def end_zeroed(data: bytes) -> bytes:
    """Return a file of full length with zeros at its end, as a power cut leaves it."""
    return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)


def middle_changed(data: bytes) -> bytes:
    """Return a file with other numbers, which OpenVINO would accept, as a failing disk reads it."""
    half = len(data) // 2
    return data[:half] + bytes(255 - byte for byte in data[half : half + 999]) + data[half + 999 :]


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("image.xml", cut),
        ("text.bin", cut),
        ("text.bin", end_zeroed),
        ("image.bin", middle_changed),
        ("SHA256SUMS", cut),
    ],
)
def test_damage_is_noticed(folder: Path, name: str, damaged: Callable[[bytes], bytes]) -> None:
    """A model with a damaged file is not used, and a warning names the file."""
    (folder / name).write_bytes(damaged((folder / name).read_bytes()))
    with capture_logs() as logs:
        assert read(folder) is None
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert "damaged" in logs[0]["event"]
    assert name in logs[0]["reason"] or name == "SHA256SUMS"


def test_a_network_of_first_layers_is_kept_too(networks: Networks, tmp_path: Path) -> None:
    """For models that have one, its files are checked like the others."""
    folder = tmp_path / "openvino" / "model-fp32-1.0-1"
    assert keep(networks._replace(lower=networks.image), folder)
    kept = read(folder)
    assert kept
    assert kept.networks.lower
    del kept
    for file in folder.glob("lower.*"):
        file.unlink()
    with capture_logs() as logs:
        assert read(folder) is None
    assert "lower.xml" in logs[0]["reason"]


def test_a_file_that_is_gone_is_noticed(folder: Path) -> None:
    """A model with a missing file is not used, and a warning names the file."""
    (folder / "text.bin").unlink()
    with capture_logs() as logs:
        assert read(folder) is None
    assert "text.bin" in logs[0]["reason"]


def test_a_damaged_model_is_made_anew(cache: Path, folder: Path, expected: FloatArray) -> None:
    """Damage costs one conversion and one warning, and nothing else."""
    (folder / "image.bin").write_bytes(middle_changed((folder / "image.bin").read_bytes()))
    with capture_logs() as logs:
        rows = served(small_clip(), cache)
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]
    made: list[Towers] = []
    np.testing.assert_allclose(served(counted(made), cache), expected, atol=1e-4)
    assert made == []
    assert set(folder.parent.iterdir()) == {folder, folder.parent / "lock"}


def test_a_model_is_served_where_nothing_can_be_kept(tmp_path: Path, expected: FloatArray) -> None:
    """Each start converts the model again, and the server serves."""
    file = tmp_path / "file"
    file.touch()
    np.testing.assert_allclose(served(small_clip(), file), expected, atol=1e-4)


def test_what_agreed_on_another_cpu_is_compared_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another CPU may round differently, so it is compared once; nothing is converted."""
    made: list[Towers] = []
    monkeypatch.setattr("tihua_server.clip.openvino_engine.cpu_capabilities", lambda: "FP32 avx2")
    with capture_logs() as logs:
        for _ in range(2):
            served(counted(made), cache)
    assert len(made) == 1
    assert logs == []


def test_what_strays_is_refused_without_another_comparison(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is the same as at the first comparison."""
    made: list[Towers] = []
    monkeypatch.setattr("tihua_server.clip.openvino_engine.cpu_capabilities", lambda: "FP32 avx2")
    monkeypatch.setitem(LOWEST_COSINE, "fp32", 1.1)
    refusals = set()
    for _ in range(2):
        with pytest.raises(PrecisionTooLow, match=r"at least 1\.1 is needed") as refused:
            served(counted(made), cache)
        refusals.add(refused.value.message)
    assert len(made) == len(refusals) == 1


def test_what_is_outdated_is_swept(folder: Path, networks: Networks, tmp_path: Path) -> None:
    """Partial files and the same model of earlier versions are removed, and nothing else."""
    own = tmp_path / "openvino" / f"{0:016x}-fp32-2026.4.1-10"
    newer = f"{0:016x}-fp32-2026.10.0-5"
    others = (f"{0:016x}-int8-2026.3.0-1", f"{1:016x}-fp32-2026.3.0-1")
    stay = (newer, *others)
    older = (f"{0:016x}-fp32-2026.3.0-11", f"{0:016x}-fp32-2026.4.1-9")
    for name in (*stay, *older, "partial-x1"):
        shutil.copytree(folder, own.with_name(name))
    own.with_name("partial-x2").mkdir()
    assert keep(networks, own)
    assert {each.name for each in own.parent.iterdir()} == {*stay, own.name, "lock"}


def test_what_a_server_computes_with_is_not_swept(folder: Path, networks: Networks) -> None:
    """Weights that are mapped into memory are kept until their server has stopped."""
    older = folder.with_name(f"{folder.name.rsplit('-', 2)[0]}-2025.1.0-1")
    shutil.copytree(folder, older)
    newer = folder.with_name(f"{folder.name.rsplit('-', 2)[0]}-2099.1.0-1")
    in_use = read(older)
    assert in_use
    assert keep(networks, newer)
    assert older.exists()
    del in_use
    shutil.rmtree(newer)
    assert keep(networks, newer)
    assert not older.exists()


def test_two_servers_may_keep_one_model_at_once(
    networks: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second neither removes the first one's files nor fails, and one result is kept."""
    folder = tmp_path / "openvino" / "model-fp32-1.0-1"
    save = ov.save_model

    def save_while_another_keeps(*args: Any, **kwargs: Any) -> None:
        save(*args, **kwargs)
        monkeypatch.setattr(ov, "save_model", save)
        if not folder.exists():
            assert keep(networks, folder)

    monkeypatch.setattr(ov, "save_model", save_while_another_keeps)
    with capture_logs() as logs:
        assert keep(networks, folder)
        assert read(folder)
    assert logs == []
    assert set(folder.parent.iterdir()) == {folder, folder.parent / "lock"}


def test_a_start_that_is_stopped_while_it_writes_leaves_nothing(
    networks: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a kill leaves files, which the next conversion removes."""

    def stop(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ov, "save_model", stop)
    with pytest.raises(KeyboardInterrupt):
        keep(networks, tmp_path / "openvino" / "model-fp32-1.0-1")
    assert [each.name for each in (tmp_path / "openvino").iterdir()] == ["lock"]
