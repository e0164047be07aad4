"""`tihua-server`, and `python -m tihua_server`."""

import os


def main() -> None:
    """Run the command line."""
    # gRPC's core writes lines of its own to stderr; what they tell, our errors tell better.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from tihua_server.cli import main as run
    from tihua_server.logs import configure_logs

    configure_logs("info", "text")  # until a command knows better: standard output is for results
    run()


if __name__ == "__main__":
    main()
