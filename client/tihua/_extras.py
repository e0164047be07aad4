"""What brings a package that not every installation has: nothing is published, so a checkout."""

SHEET = "pip install '.[sheet]' in the checkout"
"""How to install Pillow and fonts that have Chinese."""
