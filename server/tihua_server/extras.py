"""How to install an optional package: from a checkout, because nothing is published."""


def install(extra: str) -> str:
    """Return how an extra of `server/pyproject.toml` is installed."""
    return f"pip install . './server[{extra}]' in the checkout"
