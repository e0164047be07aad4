"""The methods of `AsyncClient` that turn texts and pictures into embeddings."""

import asyncio
from collections.abc import Iterable

from tihua import _convert_embedding
from tihua._async_connection import AsyncConnection
from tihua._types import Embedding, EmbedResult, ImageLike, Priority


class AsyncEmbeddingMethods:
    """A part of `AsyncClient`."""

    _connection: AsyncConnection

    async def embed_text(
        self,
        text: str,
        *,
        truncate: bool = True,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> Embedding:
        """Return the embedding of one text: dim float32, L2 norm 1.

        Arguments and errors are those of `Client.embed_text`.
        """
        result = await self.embed_texts(
            [text], truncate=truncate, priority=priority, model=model, timeout=timeout
        )
        return _convert_embedding.only_embedding(result)

    async def embed_image(
        self,
        image: ImageLike,
        *,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> Embedding:
        """Return the embedding of one picture: dim float32, L2 norm 1.

        Arguments and errors are those of `Client.embed_image`.
        """
        result = await self.embed_images([image], priority=priority, model=model, timeout=timeout)
        return _convert_embedding.only_embedding(result)

    async def embed_texts(
        self,
        texts: Iterable[str],
        *,
        truncate: bool = True,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> EmbedResult:
        """Return one embedding per text; a text that fails does not affect the others.

        Arguments and errors are those of `Client.embed_texts`.
        """
        request = _convert_embedding.embed_text_request(
            texts, truncate=truncate, priority=priority, model=model
        )
        response = await self._connection.call(
            self._connection.embedding.EmbedText, request, timeout
        )
        return _convert_embedding.embed_result(response)

    async def embed_images(
        self,
        images: Iterable[ImageLike],
        *,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> EmbedResult:
        """Return one embedding per picture; a picture that fails does not affect the others.

        Arguments and errors are those of `Client.embed_images`.
        """
        request = await asyncio.to_thread(
            _convert_embedding.embed_image_request, list(images), priority=priority, model=model
        )
        response = await self._connection.call(
            self._connection.embedding.EmbedImage, request, timeout
        )
        return _convert_embedding.embed_result(response)
