"""Chinese-CLIP gives the same embeddings as cn_clip, on checkpoints in the published format.

The published weights are not needed: the weights of all five architectures, in full size, are drawn
at random, with a spread that gives different inputs different embeddings. The three large ones are
marked slow.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from random_checkpoint import random_state, write_published
from tihua_server.clip.architecture import architectures
from tihua_server.clip.chinese_clip import read_chinese_clip
from tihua_server.clip.loading import load_encoder
from tihua_server.config import Config
from tihua_server.errors import ConfigError, ModelError
from tihua_server.images import decode_image
from tihua_server.types import Encoder, FloatArray, ModelInfo, ModelRef
from tutorial import load_tutorial

TEXTS = [
    "枯藤老树昏鸦",
    "一只猫 and a DOG 🐈",
    "断肠人在天涯" * 20,
]
SLOW = {"ViT-L-14", "ViT-L-14-336", "ViT-H-14"}


def pictures() -> list[bytes]:
    """Return three different pictures as files: noise, edges and a grey gradient."""
    rng = np.random.default_rng(7)
    edges = np.zeros((300, 500, 3), dtype=np.uint8)
    edges[:, ::40] = 255
    images = [
        Image.fromarray(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)),
        Image.fromarray(edges),
        Image.radial_gradient("L"),
    ]
    files = []
    for image in images:
        file = BytesIO()
        image.save(file, "PNG")
        files.append(file.getvalue())
    return files


def tutorial_embeddings(path: Path, name: str) -> tuple[FloatArray, FloatArray]:
    """Return the embeddings of texts and pictures by the tutorial's code, with cn_clip alone."""
    model, preprocess = load_tutorial(name, path)
    from cn_clip import clip

    with torch.no_grad():
        texts = model.encode_text(clip.tokenize(TEXTS))
        texts /= texts.norm(dim=-1, keepdim=True)
        # One by one, as the tutorial does.
        rows = [
            model.encode_image(preprocess(Image.open(BytesIO(content))).unsqueeze(0))
            for content in pictures()
        ]
        images = torch.cat(rows)
        images /= images.norm(dim=-1, keepdim=True)
    return texts.numpy(), images.numpy()


def load(name: str, path: Path) -> Encoder:
    """Return the reference: torch in fp32 on the CPU."""
    return load_encoder(Config(model=name, model_path=path, device="cpu", engine="torch"))


def our_embeddings(model: Encoder) -> tuple[FloatArray, FloatArray]:
    """Return the embeddings of texts and pictures, each computed as one batch."""
    texts = model.encode_texts([model.tokenize(text).ids for text in TEXTS])
    size = model.info.image_size
    pixels = [
        decode_image(content, size, max_pixels=10**6, resize=model.resize) for content in pictures()
    ]
    return texts, model.encode_images(pixels)


def cosines(ours: FloatArray, theirs: FloatArray) -> npt.NDArray[np.float64]:
    """Return the cosine of each row with its counterpart."""
    ours64, theirs64 = ours.astype(np.float64), theirs.astype(np.float64)
    norms = np.linalg.norm(ours64, axis=1) * np.linalg.norm(theirs64, axis=1)
    return np.asarray((ours64 * theirs64).sum(axis=1) / norms)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(each.name, marks=pytest.mark.slow if each.name in SLOW else ())
        for each in architectures()
    ],
)
def test_embeddings_agree_with_cn_clip(name: str, tmp_path: Path) -> None:
    """Each has a cosine of at least 0.9999 to the tutorial's; different inputs differ."""
    architecture = next(each for each in architectures() if each.name == name)
    path = write_published(random_state(architecture), tmp_path / f"{name}-random.pt")
    try:
        ours = our_embeddings(load(name, path))
        theirs = tutorial_embeddings(path, name)
    finally:
        path.unlink()
    for our_rows, their_rows in zip(ours, theirs, strict=True):
        assert cosines(our_rows, their_rows).min() >= 0.9999
        # Otherwise equal embeddings of all inputs would pass.
        assert (our_rows @ our_rows.T)[~np.eye(len(our_rows), dtype=bool)].max() < 0.99


@pytest.fixture(scope="module")
def rn50_state() -> dict[str, torch.Tensor]:
    """Random weights of the smallest architecture."""
    return random_state(next(each for each in architectures() if each.name == "RN50"))


@pytest.fixture(scope="module")
def rn50_file(
    rn50_state: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A checkpoint of these weights, in the published format."""
    path = write_published(rn50_state, tmp_path_factory.mktemp("weights") / "RN50-random.pt")
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def rn50(rn50_file: Path) -> Encoder:
    """The model of that checkpoint."""
    return load("RN50", rn50_file)


def test_the_model_tells_what_it_is(rn50: Encoder) -> None:
    """Name, sizes, device and precision are those of the published model on the CPU."""
    assert rn50.info == ModelInfo(
        ref=ModelRef("RN50", rn50.info.ref.fingerprint),
        dim=1024,
        image_size=224,
        context_length=52,
        device="cpu",
        precision="fp32",
        engine="torch",
    )


def test_embeddings_are_float32_rows_of_norm_1(rn50: Encoder) -> None:
    """One row per input, each of L2 norm 1."""
    for rows in our_embeddings(rn50):
        assert rows.dtype == np.float32
        assert rows.shape[1] == 1024
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_an_embedding_does_not_depend_on_its_batch(rn50: Encoder) -> None:
    """Alone or beside longer texts and other pictures, an input has the same embedding."""
    texts, images = our_embeddings(rn50)
    alone = rn50.encode_texts([rn50.tokenize(TEXTS[0]).ids])
    assert cosines(alone, texts[:1]).min() > 0.999999
    pixels = decode_image(pictures()[1], 224, max_pixels=10**6)
    assert cosines(rn50.encode_images([pixels]), images[1:2]).min() > 0.999999


def test_the_fingerprint_follows_the_weights_and_not_the_file(
    rn50: Encoder, rn50_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """A bare state dict in another file is the same model; changing one weight is not."""
    path = tmp_path / "renamed-random.pt"
    torch.save(rn50_state, path)
    same = load("RN50", path)
    changed = rn50_state | {"text_projection": rn50_state["text_projection"].clone()}
    changed["text_projection"][5, 5] += 0.001
    torch.save(changed, path)
    other = load("RN50", path)
    path.unlink()
    assert same.info.ref == rn50.info.ref
    assert other.info.ref.fingerprint != rn50.info.ref.fingerprint


def test_loading_prints_nothing(rn50_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The output of cn_clip, when it builds a model, is suppressed."""
    load("RN50", rn50_file)
    assert capfd.readouterr() == ("", "")


def test_the_model_keeps_its_weights_when_the_file_goes(
    rn50: Encoder, rn50_file: Path, tmp_path: Path
) -> None:
    """The file may be replaced or truncated while the server runs."""
    path = tmp_path / "RN50-random.pt"
    path.write_bytes(rn50_file.read_bytes())
    model = load("RN50", path)
    path.write_bytes(b"")
    ids = [model.tokenize(TEXTS[0]).ids]
    np.testing.assert_array_equal(model.encode_texts(ids), rn50.encode_texts(ids))


def test_a_checkpoint_of_another_architecture_is_told_by_name(rn50_file: Path) -> None:
    """The error names a tensor that differs, and the model that the file fits."""
    with pytest.raises(
        ModelError,
        match=r"does not hold ViT-B-16: .* is .* instead of .* more differences; "
        r"it fits RN50: start with --model RN50$",
    ):
        read_chinese_clip("ViT-B-16", path=rn50_file)


def test_a_checkpoint_of_no_architecture_is_refused(tmp_path: Path) -> None:
    """The tensors of something else don't load as any model."""
    path = tmp_path / "other.pt"
    torch.save({"state_dict": {"module.fc.weight": torch.zeros(3, 3)}}, path)
    with pytest.raises(ModelError, match=r"does not hold RN50: .*; it fits none of ViT-B-16, "):
        load("RN50", path)


def test_an_unknown_model_is_refused_with_the_names_there_are() -> None:
    """A model name that cn_clip does not know is refused, whatever the file."""
    with pytest.raises(ModelError, match=r"no model 'ViT-B-32'.*ViT-B-16.*ViT-H-14.*RN50"):
        read_chinese_clip("ViT-B-32", path=Path("any.pt"))


@pytest.mark.parametrize("device", ["gpu", "mps", "cuda:99", "cuda:x"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    """The error is raised before gigabytes are read, and names the possible devices."""
    with pytest.raises(ConfigError, match="cpu"):
        load_encoder(Config(model="RN50", model_path=Path("not-there.pt"), device=device))
