"""Which tokens are other spellings of a character: 樹 of 树, 裏 and 裡 of 里.

OpenCC's table of simplified forms (`t2s`) says so, character by character, whatever stands around.
"""

import functools
from collections.abc import Mapping

from tihua_server.tokenizer import Tokenizer


@functools.cache
def simplified_tokens() -> Mapping[int, int]:
    """Return the token of the simplified form of every character that is written otherwise."""
    from opencc import OpenCC

    simplified = OpenCC("t2s").convert
    vocabulary = Tokenizer().vocabulary
    return {
        token: vocabulary[simple]
        for character, token in vocabulary.items()
        if len(character) == 1
        and (simple := simplified(character)) != character
        and simple in vocabulary
    }
