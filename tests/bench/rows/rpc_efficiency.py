"""The cost of the service itself: our calls with a model that costs nothing, against an echo."""

import base64
import contextlib

import grpc
from tihua.v1 import embedding_service_pb2 as pb
from tihua.v1 import types_pb2

from bench.companion import companion
from bench.contender import CHANNEL_OPTIONS, BytesMethod
from bench.figure import Figure, at_least, ratio_figure
from bench.load import drive, repeated
from bench.stage import Stage

IN_FLIGHT = 64
SIDE_PX = 224
"""Side of the picture, sent as pixels: 150 kB, which our server need not decode."""


async def rpc_efficiency(stage: Stage) -> list[Figure]:
    """Send the same bytes to both, which answer with the same bytes."""
    pick = stage.settings.pick
    pixels = types_pb2.RgbImage(
        data=bytes(SIDE_PX * SIDE_PX * 3), width_px=SIDE_PX, height_px=SIDE_PX
    )
    picture = types_pb2.ImageSource(rgb=pixels)
    requests = {
        "/tihua.v1.EmbeddingService/EmbedText": pb.EmbedTextRequest(texts=["夕阳西下"]),
        "/tihua.v1.EmbeddingService/EmbedImage": pb.EmbedImageRequest(images=[picture]),
    }
    bodies = {path: request.SerializeToString() for path, request in requests.items()}
    rates: dict[str, list[tuple[float, float]]] = {path: [] for path in bodies}
    async with contextlib.AsyncExitStack() as stack:

        async def channel_to(module: str, **question: object) -> grpc.aio.Channel:
            process = await stack.enter_async_context(companion(module))
            address = await process.ask(**question)
            channel = grpc.aio.insecure_channel(address, CHANNEL_OPTIONS)
            return await stack.enter_async_context(channel)

        ours = await channel_to("bench.peers.noop_server")
        answers = {path: await _method(ours, path)(body) for path, body in bodies.items()}
        echo = await channel_to(
            "bench.peers.echo_server",
            methods={path: base64.b64encode(answer).decode() for path, answer in answers.items()},
        )

        async def rate(channel: grpc.aio.Channel, path: str, count: int) -> float:
            call = _method(channel, path)
            return (await drive(call, repeated([bodies[path]], count), in_flight=IN_FLIGHT)).rate

        for path in bodies:
            for channel in (ours, echo):
                await rate(channel, path, 500)
        for _ in stage.rounds():
            for path in bodies:
                count = pick(4000, 1000)
                rates[path].append((await rate(ours, path, count), await rate(echo, path, count)))
    return [
        ratio_figure(
            f"rpc_efficiency_{name}",
            f"{path.rpartition('/')[2]} with a model that costs nothing, {IN_FLIGHT} in flight",
            rounds=rates[path],
            unit="calls/s",
            against="bare grpc.aio echo",
            target=at_least(0.5),
            note=note,
        )
        for path, name, note in zip(
            bodies, ("text", "image"), ("", "a picture of 224×224 as pixels: 150 kB"), strict=True
        )
    ]


def _method(channel: grpc.aio.Channel, path: str) -> BytesMethod:
    return channel.unary_unary(path)
