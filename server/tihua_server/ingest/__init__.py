"""Writing items: streams of batches with credit, and what a single call writes.

Begin with `ingester.py` (the sessions) and `stream.py` (one stream: `reader.py` has batches
embedded, `run` writes and acknowledges); `writer.py` prepares and writes items, for streams and
for single calls.
"""
