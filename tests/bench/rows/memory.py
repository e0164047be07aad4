"""The memory of the server: at rest, and whether it grows over ten thousand pictures."""

from bench.figure import Figure, at_most, plain_figure
from bench.load import drive, repeated
from bench.materials import small_jpegs
from bench.stage import Stage

IN_FLIGHT = 32
MB = 10**6
SAMPLES = 20
"""How often the memory is read while pictures are sent."""


async def memory(stage: Stage) -> list[Figure]:
    """Send small JPEGs, and read the resident size at rest and after each twentieth part."""
    count = stage.settings.pick(10_000, 400)
    images = small_jpegs(64)
    share = count // SAMPLES
    async with stage.server() as server:
        idle = server.resident_bytes()
        line = [(0.0, idle / MB)]
        for number in range(1, SAMPLES + 1):
            await drive(server.embed_image, repeated(images, share), in_flight=IN_FLIGHT)
            line.append((float(number * share), server.resident_bytes() / MB))
            stage.say(f"  {number * share} of {count} pictures: {line[-1][1]:.0f} MB")
    # The first pictures allocate buffers for batches of every size, which are kept: no leak.
    first, last = line[1][1], line[-1][1]
    return [
        plain_figure(
            "memory_idle",
            f"resident size of the server at rest, {stage.settings.model}",
            rounds=[idle / MB],
            unit="MB",
        ),
        Figure(
            name="memory_growth",
            what=f"growth of the resident size over {count} pictures",
            ours=last,
            baseline=first,
            unit="MB",
            against=f"after the first {share}",
            value=(last / first - 1) * 100,
            value_unit="%",
            target=at_most(5),
            rounds=[(last, first)],
            series={"resident size, MB": line},
            note=f"{idle / MB:.0f} MB at rest before the first picture",
        ),
    ]
