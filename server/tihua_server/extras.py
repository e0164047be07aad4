"""How to install an optional package: from a checkout, because nothing is published."""


def install_hint(extra: str) -> str:
    """Return how to install an extra of `server/pyproject.toml`, for a message."""
    return f"pip install . './server[{extra}]' in the checkout"
