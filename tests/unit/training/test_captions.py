"""The texts of a training step."""

import numpy as np
import pytest
from tihua_server.training.captions import CaptionSampler
from tihua_server.types import TokenArray

TOKENS = {
    "一只狗在跑": np.array([101, 1, 2, 3, 4, 5, 102]),
    "海": np.array([101, 6, 102]),
    "月亮": np.array([101, 7, 8, 102]),
}


def _sampler(seed: int = 0) -> CaptionSampler:
    return CaptionSampler(TOKENS, np.random.default_rng(seed), thinning=0.05)


def _holds(tokens: TokenArray, part: TokenArray) -> bool:
    """Return whether a part is contained in the tokens contiguously."""
    windows = [tokens[at : at + len(part)] for at in range(len(tokens) - len(part) + 1)]
    return any((window == part).all() for window in windows)


def test_a_caption_keeps_its_words_in_their_order() -> None:
    """It may be cut or thinned, but neither reordered nor emptied."""
    sampler = _sampler()
    for _ in range(300):
        for text in ("一只狗在跑", "海"):
            drawn, tokens = sampler.caption(text)
            assert drawn == text
            assert len(tokens) > 0
            assert list(tokens) == sorted(set(tokens) & set(TOKENS[text][1:-1]))


def test_most_captions_are_whole() -> None:
    """Seven in eight, except those that lost one of their five characters to thinning."""
    sampler = _sampler()
    whole = sum(len(sampler.caption("一只狗在跑")[1]) == 5 for _ in range(400))
    assert 250 < whole < 390


def test_a_name_stands_in_what_is_drawn_for_it() -> None:
    """There may be others around it."""
    sampler = _sampler()
    drawn = [sampler.name(["月亮", "海"]) for _ in range(300)]
    assert all(_holds(tokens, TOKENS[text][1:-1]) for text, tokens in drawn)
    assert any(len(tokens) > 2 for _, tokens in drawn)


def test_the_captions_of_a_picture_are_different_ones() -> None:
    """As long as there are enough."""
    sampler = _sampler()
    for _ in range(20):
        drawn = [text for text, _ in sampler.captions(["一只狗在跑", "海", "月亮"], 3)]
        assert sorted(drawn) == sorted(TOKENS)
        assert [text for text, _ in sampler.captions(["海"], 2)] == ["海", "海"]


@pytest.mark.parametrize("seed", [0, 7])
def test_a_seed_fixes_what_is_drawn(seed: int) -> None:
    """A resumed run draws the same as an uninterrupted one."""
    one, other = _sampler(seed), _sampler(seed)
    for _ in range(20):
        assert (one.name(["月亮", "海"])[1] == other.name(["月亮", "海"])[1]).all()
