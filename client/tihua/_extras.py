"""How to install optional packages: from a checkout, because nothing is published."""

SHEET = "pip install '.[sheet]' in the checkout"
"""How to install Pillow and fonts with Chinese."""
