"""The weights that found most of what was measured by, of all that were measured on the way."""

from typing import Any

from torch import Tensor, nn

from tihua_server.training.recall import Recall, shares_told

BEFORE = "before"
"""When the weights were measured that a training started from."""


class BestWeights:
    """Keeps a network as it was when it found most: by R@10, of equals by R@5, and then by R@1.

    Of few pictures every one is among ten, and R@10 alone would tell nothing.
    """

    def __init__(self) -> None:
        self._most: tuple[float, ...] = ()
        self._before: tuple[float, ...] = ()
        self._when = ""
        self._weights: dict[str, Tensor] = {}

    def offer(self, network: nn.Module, found: Recall, when: str) -> None:
        """Keep the weights if none found more.

        Of equals the later are kept, which learned for longer, but not for those of the start:
        nothing speaks for a change then.

        Args:
            network: as it was measured.
            found: what it found.
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
        """Set a network to the weights that are kept; where none are, leave it."""
        if self._weights:
            network.load_state_dict(self._weights)

    def told(self) -> str:
        """Return which weights these are, and what to do where nothing was gained; for people."""
        if not self._weights:
            return "written: the weights after the last epoch; nothing was measured"
        if self._when == BEFORE:
            return (
                f"val never rose above {shares_told(self._before)} of the start, so its weights are"
                " written: go on serving that model, or try more pictures or another --rate"
            )
        gain = f"; before, it was {shares_told(self._before)}" if self._before else ""
        return f"written: the weights of {self._when}, val {shares_told(self._most)}{gain}"

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {
            "most": self._most,
            "before": self._before,
            "when": self._when,
            "weights": self._weights,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._most, self._before = state["most"], state["before"]
        self._when, self._weights = state["when"], state["weights"]
