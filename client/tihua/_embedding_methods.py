"""The methods of `Client` that turn texts and pictures into embeddings."""

from collections.abc import Iterable

from tihua import _convert_embedding
from tihua._connection import Connection
from tihua._types import Embedding, EmbedResult, ImageLike, Priority


class EmbeddingMethods:
    """A part of `Client`, whose docstring says what all methods have in common."""

    _connection: Connection

    def embed_text(
        self,
        text: str,
        *,
        truncate: bool = True,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> Embedding:
        """Return the embedding of one text: dim float32, L2 norm 1.

        Args:
            text: 1 to `Limits.max_text_chars` characters. Of a text that exceeds the model's
                context (`ModelInfo.context_length`) only the beginning is embedded, unless
                `truncate` is False.
            truncate: as in `embed_texts`.
            priority: as in `embed_texts`.
            model: the id of the model; empty means the first that the server serves.
            timeout: limit of the call, in seconds.

        Raises:
            InvalidRequestError: also when the text is empty, too long, or would be cut
                (`TEXT_TRUNCATED`).
        """
        result = self.embed_texts(
            [text], truncate=truncate, priority=priority, model=model, timeout=timeout
        )
        return _convert_embedding.only_embedding(result)

    def embed_image(
        self,
        image: ImageLike,
        *,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> Embedding:
        """Return the embedding of one picture: dim float32, L2 norm 1.

        Args:
            image: a picture.
            priority: as in `embed_images`.
            model: the id of the model; empty means the first that the server serves.
            timeout: limit of the call, in seconds.

        Raises:
            InvalidRequestError: also when the picture cannot be read.
        """
        result = self.embed_images([image], priority=priority, model=model, timeout=timeout)
        return _convert_embedding.only_embedding(result)

    def embed_texts(
        self,
        texts: Iterable[str],
        *,
        truncate: bool = True,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> EmbedResult:
        """Return one embedding per text; a text that fails does not affect the others.

        Args:
            texts: 1 to `Limits.max_batch_items`.
            truncate: whether to embed only the beginning of a text that exceeds the model's
                context; otherwise it fails (reason `TEXT_TRUNCATED`).
            priority: "bulk" is computed when no "interactive" work waits.
            model: the id of the model; empty means the first that the server serves.
            timeout: limit of the call, in seconds.
        """
        request = _convert_embedding.embed_text_request(
            texts, truncate=truncate, priority=priority, model=model
        )
        return _convert_embedding.embed_result(
            self._connection.call(self._connection.embedding.EmbedText, request, timeout)
        )

    def embed_images(
        self,
        images: Iterable[ImageLike],
        *,
        priority: Priority = "interactive",
        model: str = "",
        timeout: float | None = None,
    ) -> EmbedResult:
        """Return one embedding per picture; a picture that fails does not affect the others.

        Args:
            images: 1 to `Limits.max_batch_items`.
            priority: "bulk" is computed when no "interactive" work waits.
            model: the id of the model; empty means the first that the server serves.
            timeout: limit of the call, in seconds.

        Raises:
            InvalidRequestError: also if a file can't be read; then nothing is sent.
        """
        request = _convert_embedding.embed_image_request(images, priority=priority, model=model)
        return _convert_embedding.embed_result(
            self._connection.call(self._connection.embedding.EmbedImage, request, timeout)
        )
