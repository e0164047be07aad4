"""Searches a collection by text: the shortest client there is."""

# [call]
import tihua

with tihua.Client("localhost:50051") as client:
    for hit in client.search(text="夕阳西下", limit=10):
        print(f"{hit.score:.3f}", hit.uri)
# [/call]
