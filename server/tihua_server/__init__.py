"""The tihua server: Chinese text and pictures into one space, stored and found by Milvus."""
