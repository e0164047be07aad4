"""Writes pictures with metadata, searches among them, and embeds a text."""

# [call]
from pathlib import Path

import tihua

with tihua.Client("localhost:50051", collection="paintings") as client:
    client.create_collection()
    metadata = {"artist": "范宽", "year": 1010}
    scroll = tihua.Item("xishan", image=Path("xishan.jpg"), metadata=metadata)
    for error in client.upsert([scroll]).errors:
        print(error.id, error.message)
    photos = (tihua.Item(file.name, image=file) for file in Path("photos").glob("*.jpg"))
    print(client.ingest(photos).written)  # any number of items, resumed after a break
    hits = client.search(
        text="溪山行旅",
        filter="year >= {since}",
        params={"since": 1000},
        consistency="strong",  # finds what was just written
    )
    print([(hit.id, hit.metadata["artist"]) for hit in hits])
    print(len(client.embed_text("夕阳西下")))  # 512 numbers of tihua-tiny
# [/call]
