"""The `VectorStore` on Milvus; the only package that imports pymilvus.

Begin with `store.py`, which puts the parts together: `connection` (threads, deadlines),
`collection_calls`, `catalog` (which collections there are), `naming`, `loading`, `collections` and
`items`. `schema.py` says how things are stored; `filter*.py` are the language of filters;
`lite_*.py` and `directory.py` are Milvus Lite's.
"""
