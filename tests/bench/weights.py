"""`python -m bench.weights MODEL FILE`: a checkpoint with random weights, in the published format.

The speed of a network does not depend on its weights.
"""

import sys
from pathlib import Path

from random_checkpoint import random_state, write_published
from tihua_server.clip.architecture import architectures


def main() -> None:
    """Write the file atomically."""
    model, path = sys.argv[1], Path(sys.argv[2])
    architecture = next(each for each in architectures() if each.name == model)
    partial = path.with_suffix(".partial")
    write_published(random_state(architecture), partial).replace(path)


if __name__ == "__main__":
    main()
