"""`python -m tihua_server.training`, which is `tihua-server train`."""

from tihua_server.training.command import train

if __name__ == "__main__":
    train()
