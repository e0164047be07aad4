"""Maps tokens of a character's other spellings to its simplified form: 樹 to 树, 裏 and 裡 to 里.

OpenCC's table of simplified forms (`t2s`) is applied to single characters, without context.
"""

import functools
from collections.abc import Mapping

from tihua_server.clip.tokenizer import Tokenizer


@functools.cache
def simplified_tokens() -> Mapping[int, int]:
    """Return token → token of the simplified form, for characters whose simplified form differs."""
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
