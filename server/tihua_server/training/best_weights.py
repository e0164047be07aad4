"""Keeps the weights with the best recall on the validation pictures during a training."""

from typing import Any

from torch import Tensor, nn

from tihua_server.training.recall import Recall, format_shares

BEFORE = "before"
"""Stands for the epoch in `BestWeights.offer`: the weights that a training starts from."""


class BestWeights:
    """Keeps the weights with the best R@10; ties are broken by R@5, then by R@1.

    Among few pictures each one is in the first ten, so R@10 alone would not distinguish anything.
    """

    def __init__(self) -> None:
        self._most: tuple[float, ...] = ()
        self._before: tuple[float, ...] = ()
        self._when = ""
        self._weights: dict[str, Tensor] = {}

    def offer(self, network: nn.Module, found: Recall, when: str) -> None:
        """Keep a copy of the weights unless better ones are kept.

        Of equally good weights the later ones are kept, which were trained for longer, but those of
        the start stay: a model that is no better is not worth a change.

        Args:
            network: as it was measured.
            found: its recall.
            when: the epoch, for people; or `BEFORE`.
        """
        shares = found.shares
        if when == BEFORE:
            self._before = shares
        elif shares < self._most or shares == self._before:
            return
        self._most, self._when = shares, when
        # Not on the device, whose memory a training may fill.
        self._weights = {
            name: each.to("cpu", copy=True) for name, each in network.state_dict().items()
        }

    def adopt(self, network: nn.Module) -> None:
        """Load the weights that were kept, if any, into a network."""
        if self._weights:
            network.load_state_dict(self._weights)

    def summary(self) -> str:
        """Return which weights are kept, and advice if nothing was gained; for people."""
        if not self._weights:
            return "written: the weights after the last epoch; nothing was measured"
        before = format_shares(self._before)
        if self._when == BEFORE:
            return (
                f"val never rose above {before} of the start, so its weights are"
                " written: go on serving that model, or try more pictures or another --rate"
            )
        gain = f"; before, it was {before}" if self._before else ""
        return f"written: the weights of {self._when}, val {format_shares(self._most)}{gain}"

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "most": self._most,
            "before": self._before,
            "when": self._when,
            "weights": self._weights,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self._most, self._before = state["most"], state["before"]
        self._when, self._weights = state["when"], state["weights"]
