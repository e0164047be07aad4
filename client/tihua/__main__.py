"""`python -m tihua`: the command line, where its script is not on the path."""

from tihua.cli import main

if __name__ == "__main__":
    main()
