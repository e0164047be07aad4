"""When the inputs of a caller are due, so that nobody has to wait for all of another's.

    a call of 256 texts      1   2   3   4   5   6   7  …   each due 4 × its time after the last
    a query                            x                    due now: before 4 and all behind it

A variant of the virtual clock of packet networks (L. Zhang, SIGCOMM 1990), in real time, so that
the queues of all models agree. A caller who waits alone gets the whole model; a newcomer overtakes
what is not due yet; and what is due goes before everything that arrives later, so that no call is
delayed forever.

Beside a caller of 256 texts a query takes 119 ms (p50) instead of 697, and beside a caller of 64
pictures a picture 249 ms instead of 4 679, while those callers get as much done (ViT-B-16 in bf16,
two cores of Zen 4; five queries a second, one picture a second, at random times). The price: beside
callers who fill the model by themselves a large call is delayed, by `MAX_LEAD_S` at most, and two
large calls both end when the second of them used to.
"""

import math

SHARE = 1 / 4
"""The share of the model that a flow may claim before others: up to four large flows together are
due no faster than they are computed. The figures above are for single inputs beside one of them."""

MAX_LEAD_S = 10.0
"""The latest that an input may be due after its arrival, in seconds, at the decoder and at the
model each: the cost of a batch is an estimate, and clients wait for 30 s by default."""


class Flow:
    """The inputs of one call.

    Attributes:
        inputs: how many there are.
    """

    __slots__ = ("_next_s", "inputs")

    def __init__(self, inputs: int) -> None:
        """Start a flow of `inputs` inputs, none of which is queued yet."""
        self.inputs = inputs
        self._next_s: dict[object, float] = {}

    def schedule(self, queue: object, now_s: float, takes_s: float) -> float:
        """Book the next input of the flow, and return when it is due.

        Args:
            queue: where it waits; pictures wait for a decoding thread first, then for the model.
            now_s: when it arrives.
            takes_s: its expected cost there, in seconds.
        """
        due_s = min(max(now_s, self._next_s.get(queue, -math.inf)), now_s + MAX_LEAD_S)
        self._next_s[queue] = due_s + takes_s / SHARE
        return due_s
