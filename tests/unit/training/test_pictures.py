"""Pictures read for a training."""

import pytest
from PIL import Image
from tihua_server.training.pictures import squares


class _Greys:
    """Pictures that are each as bright as their number, plus 100 for each view."""

    name = digest = "greys"
    views = 2

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def picture(self, index: int, view: int) -> Image.Image:
        return Image.new("RGB", (9, 5), (index + 100 * view,) * 3)

    def texts(self, index: int) -> tuple[str, ...]:
        return (str(index),)

    def group(self, index: int) -> str:
        return str(index)


@pytest.mark.parametrize("count", [1, 3, 4, 8, 9])
def test_every_picture_comes_once_in_order(count: int) -> None:
    """In squares, and in batches of which the last may be short."""
    batches = list(squares(_Greys(count), 1, 6, 4))
    assert [len(batch) for batch in batches] == [4] * (count // 4) + [count % 4] * (count % 4 > 0)
    assert all(batch.shape[1:] == (6, 6, 3) for batch in batches)
    values = [int(picture[0, 0, 0]) for batch in batches for picture in batch]
    assert values == [100 + number for number in range(count)]
