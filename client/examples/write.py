"""Writes pictures with metadata, searches among them, and embeds a text."""

# [call]
from pathlib import Path

import tihua

with tihua.Client("localhost:50051", collection="paintings") as client:
    client.create_collection()  # a second time: AlreadyExistsError
    metadata = {"artist": "范宽", "year": 1010}
    picture = Path("xishan.jpg").absolute()
    # The uri is where contact sheets, pages and `tihua collections reindex` find the picture.
    scroll = tihua.Item("xishan", image=picture, uri=str(picture), metadata=metadata)
    for error in client.upsert([scroll]).errors:
        print(error.id, error.message)
    files = Path("photos").absolute().glob("*.jpg")
    photos = (tihua.Item(file.name, image=file, uri=str(file)) for file in files)
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
