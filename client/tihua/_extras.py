"""How to install a package that is optional: from a checkout, because nothing is published."""

SHEET = "pip install '.[sheet]' in the checkout"
"""How to install Pillow and fonts that have Chinese."""
