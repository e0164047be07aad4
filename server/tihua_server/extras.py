"""What brings a package that not every installation has: nothing is published, so a checkout."""


def install(extra: str) -> str:
    """Return how an extra of `server/pyproject.toml` is installed."""
    return f"pip install . './server[{extra}]' in the checkout"
