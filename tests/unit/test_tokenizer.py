"""Our tokens are those of cn_clip's `clip.tokenize`, and are made in bounded time."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tihua_server.clip.tokenizer import Tokenizer, padded
from tihua_server.clip.torchvision_operators import define_missing_operators

CLS, SEP, UNK = 101, 102, 100


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """A tokenizer with the context of Chinese-CLIP."""
    return Tokenizer()


@pytest.fixture(scope="module")
def cn_clip_ids() -> Callable[[str], list[int]]:
    """Tokens by cn_clip's own function, without its padding."""
    define_missing_operators()
    from cn_clip import clip

    def ids(text: str) -> list[int]:
        row: list[int] = clip.tokenize([text])[0].tolist()
        return row[: row.index(SEP) + 1]

    return ids


@pytest.mark.parametrize(
    "text",
    [
        "枯藤老树昏鸦",
        "A photo of 一只CAT，夕阳西下。",
        "unaffable Zürich naïve ﬀ İstanbul ΟΔΥΣΣΕΥΣ",
        "“断肠人”在天涯 ‘1,234.56’ e=mc²",
        "か한𠀀豈 [CLS] [MASK] ##a",
        "",
        " \t\u3000\n",
        "雪地里\x00奔\x07跑\u200d的\ufffd狗",
        "🐈🐕‍🦺 一只猫",
        "\ud800夕阳\udfff",
        "e\u0301e\u302e\u0301",
        "两\u2028行\u2029诗\x85句\x1c",
        "夕" * 50,
        "夕" * 51,
        "a" * 200,
        "a" * 201,
        "a.Σ" * 100,
        "Σ" + "a" * 300 + "Σ 夕",
    ],
)
def test_tokens_are_those_of_cn_clip(
    text: str, tokenizer: Tokenizer, cn_clip_ids: Callable[[str], list[int]]
) -> None:
    """This includes case, accents, punctuation, and unknown, invisible and broken characters."""
    assert tokenizer.tokenize(text).ids.tolist() == cn_clip_ids(text)


def test_random_texts_have_the_tokens_of_cn_clip(
    tokenizer: Tokenizer, cn_clip_ids: Callable[[str], list[int]]
) -> None:
    """Some texts are long enough to be read in part, with words that end in every possible way."""
    parts = [*"夕阳AbΣé“.'😀\ud800\0\x07\u3000\u2028\u0301\u302eİﬀか한𠀀豈 \n"]
    parts += ["ab" * 120, "unaffable", "a" * 37, "##"]
    rng = random.Random(20260101)
    for _ in range(300):
        alphabet = rng.sample(parts, rng.randint(1, len(parts)))
        text = "".join(rng.choices(alphabet, k=rng.choice([3, 30, 300, 700])))
        assert tokenizer.tokenize(text).ids.tolist() == cn_clip_ids(text), text


def test_ids_are_framed_and_not_padded(tokenizer: Tokenizer) -> None:
    """[CLS] comes first, [SEP] last, one token a Chinese character between them, as int64."""
    tokens = tokenizer.tokenize("夕阳西下")
    assert tokens.ids.tolist() == [CLS, 1911, 7345, 6205, 678, SEP]
    assert tokens.ids.dtype == np.int64


def test_padding_reaches_the_longest() -> None:
    """The padding is [PAD], which is 0."""
    rows = padded([np.array([CLS, 5, SEP]), np.array([CLS, SEP])])
    assert rows.tolist() == [[CLS, 5, SEP], [CLS, SEP, 0]]


def test_an_emoji_is_one_unknown_word(tokenizer: Tokenizer) -> None:
    """A word outside the vocabulary becomes [UNK], without an error."""
    assert tokenizer.tokenize("🐈").ids.tolist() == [CLS, UNK, SEP]


@pytest.mark.parametrize(("count", "is_truncated"), [(0, False), (50, False), (51, True)])
def test_truncation_is_told(count: int, is_truncated: bool, tokenizer: Tokenizer) -> None:
    """Fifty tokens fit into a context of 52; one more does not, and the result says so."""
    tokens = tokenizer.tokenize("鸦" * count)
    assert tokens.is_truncated is is_truncated
    assert len(tokens.ids) == min(count, 50) + 2


def test_the_context_length_is_respected() -> None:
    """A shorter context keeps the beginning of the text and its frame."""
    tokens = Tokenizer(context_length=4).tokenize("夕阳西下")
    assert tokens.ids.tolist() == [CLS, 1911, 7345, SEP]
    assert tokens.is_truncated


def test_a_context_without_room_is_refused() -> None:
    """A context with room for [CLS] and [SEP] only is a bug."""
    with pytest.raises(ValueError, match="must be 3 or more"):
        Tokenizer(context_length=2)


@pytest.mark.parametrize(
    "text",
    [
        "夕" * 100_000,
        "a" * 100_000,
        " " * 100_000,
        "." * 100_000,
        "\x00" * 100_000,
        "\ud800" * 100_000,
        # 190 pieces and then an unknown character, so that every word costs most and counts one.
        ("a" * 190 + "\ud800 ") * 520,
    ],
    ids=["hanzi", "one word", "blanks", "punctuation", "nul", "surrogates", "costly words"],
)
def test_a_hundred_thousand_characters_are_quick(text: str, tokenizer: Tokenizer) -> None:
    """No text of that length takes a second; cn_clip needs more than four for the last one."""
    started = time.process_time()
    tokens = tokenizer.tokenize(text)
    assert time.process_time() - started < 1
    assert len(tokens.ids) <= 52


def test_threads_may_share_a_tokenizer(tokenizer: Tokenizer) -> None:
    """Texts tokenized concurrently have the same tokens as alone."""
    texts = [f"第{number}句 poem {number}" for number in range(200)]
    alone = [tokenizer.tokenize(text).ids.tolist() for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = [tokens.ids.tolist() for tokens in pool.map(tokenizer.tokenize, texts)]
    assert together == alone


def test_importing_the_module_imports_no_torch() -> None:
    """Importing torch takes seconds, so it waits for the first tokenizer."""
    program = "import sys, tihua_server.clip.tokenizer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
