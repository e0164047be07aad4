"""The tihua server: Chinese text and pictures embedded in one space, stored and found by Milvus.

ARCHITECTURE.md has the layers.
"""
