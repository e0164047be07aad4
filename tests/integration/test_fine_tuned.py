"""`fine-tune` writes checkpoints as cn_clip does: cn_clip's own loader reads them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from coloured_pairs import write_coloured_pairs
from random_checkpoint import random_state, write_published
from tihua_server.cli import main
from tihua_server.clip.architecture import architectures
from tihua_server.clip.loading import load_encoder
from tihua_server.config import Config
from tutorial import load_tutorial


@pytest.mark.parametrize("name", ["RN50", pytest.param("ViT-B-16", marks=pytest.mark.slow)])
def test_cn_clip_and_the_server_read_the_same_model(name: str, tmp_path: Path) -> None:
    """For a full ResNet and a full transformer, both give a text the same embedding."""
    [architecture] = [each for each in architectures() if each.name == name]
    start = write_published(random_state(architecture), tmp_path / "start.pt")
    call = ["fine-tune", "--model", name, "--model-path", str(start), "--epochs", "1"]
    pairs = write_coloured_pairs(tmp_path / "pairs")
    table = (pairs / "captions.tsv").read_text(encoding="utf-8")
    # On two pictures the initial weights may score as well as the trained ones, and be written.
    (pairs / "captions.tsv").write_text(table.replace("val/", "test/"), encoding="utf-8")
    call += ["--data", str(pairs), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(
        main, [*call, "--batch-size", "2", "--rate", "1e-3", "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    [model] = (tmp_path / "out").glob("clip_cn_*.pt")

    network, _ = load_tutorial(name, model)
    before, _ = load_tutorial(name, start)
    from cn_clip import clip

    with torch.no_grad():
        theirs, untrained = (
            each.encode_text(clip.tokenize(["红色"]))[0].numpy() for each in (network, before)
        )
    config = Config(model=name, model_path=model, model_dir=tmp_path, engine="torch", device="cpu")
    encoder = load_encoder(config)
    ours = encoder.encode_texts([encoder.tokenize("红色").ids])[0]
    trained, stale = (each @ ours / np.linalg.norm(each) for each in (theirs, untrained))
    assert trained > 0.99999  # cn_clip rounds weights to float16 when it loads them
    assert stale < 0.999
