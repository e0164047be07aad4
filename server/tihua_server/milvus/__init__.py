"""The `VectorStore` on Milvus; the only package that imports pymilvus."""
