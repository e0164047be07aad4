"""What a server logs when it starts."""

from pathlib import Path

import pytest
from processes import running

HINTS = (
    "for production start Chinese-CLIP, for example with --model ViT-B-16",
    "collections made with tihua-tiny must then be reindexed",
)


@pytest.mark.parametrize(("module", "is_told"), [("tihua_server", True), ("stuck_server", False)])
def test_a_server_of_the_packaged_model_alone_says_how_to_serve_another(
    tmp_path: Path, module: str, *, is_told: bool
) -> None:
    """A server with any other model needs no such hint."""
    with running(tmp_path, module=module) as server:
        pass
    for hint in HINTS:
        assert any(hint in entry["event"] for entry in server.log) == is_told
