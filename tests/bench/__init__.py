"""How fast the server is: against the tutorial, its peers, and what the chip can do.

`python -m bench` with `tests` and `tests/support` on the path; `make bench` does that. Every row is
a file of `rows`; the programs that are measured against run in processes of their own.
`docs/benchmarks.md` says how to read the results.
"""
