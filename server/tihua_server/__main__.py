"""`tihua-server`, and `python -m tihua_server`."""

import os
import sys


def main() -> None:
    """Run the command line, or say what to install for it."""
    # gRPC's core writes lines of its own to stderr; what they tell, our errors tell better.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from tihua_server.cli import main as run
    except ModuleNotFoundError as error:
        # Only what the extra would bring: a missing module of our own is a bug, and shows itself.
        if error.name is None or error.name.startswith("tihua"):
            raise
        sys.exit(f"Error: {error.name} is not installed; pip install 'tihua[server]'")
    run()


if __name__ == "__main__":
    main()
