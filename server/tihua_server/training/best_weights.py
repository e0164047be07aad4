"""The weights that found most of what was measured by, of all that were measured on the way."""

from typing import Any

from torch import Tensor, nn

BEFORE = "before"
"""When the weights were measured that a training started from."""


class BestWeights:
    """Keeps a network as it was when it found most.

    Attributes:
        recall_at_10: what it found then, in percent; None where nothing was measured.
        before: what the start found; None where it was not measured.
        when: the epoch, for people; or `BEFORE`.
    """

    def __init__(self) -> None:
        self.recall_at_10: float | None = None
        self.before: float | None = None
        self.when = ""
        self._weights: dict[str, Tensor] = {}

    def offer(self, network: nn.Module, recall_at_10: float, when: str) -> None:
        """Keep the weights if none found more.

        Of equals the later are kept, which learned for longer, but not for those of the start:
        nothing speaks for a change then.
        """
        if when == BEFORE:
            self.before = recall_at_10
        least = self.recall_at_10
        if least is not None and (recall_at_10 < least or recall_at_10 == self.before):
            return
        self.recall_at_10, self.when = recall_at_10, when
        self._weights = {name: each.clone() for name, each in network.state_dict().items()}

    def adopt(self, network: nn.Module) -> None:
        """Set a network to the weights that are kept; where none are, leave it."""
        if self._weights:
            network.load_state_dict(self._weights)

    def told(self) -> str:
        """Return which weights these are, and what to do where nothing was gained; for people."""
        if self.recall_at_10 is None:
            return "written: the weights after the last epoch; nothing was measured"
        if self.when == BEFORE:
            return (
                f"val R@10 never rose above {self.before:.1f} of the start, so its weights are"
                " written: go on serving that model, or try more pictures or another --rate"
            )
        gain = "" if self.before is None else f", {self.before:.1f} before"
        return f"written: the weights of {self.when}, val R@10 {self.recall_at_10:.1f}{gain}"

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {
            "recall_at_10": self.recall_at_10,
            "before": self.before,
            "when": self.when,
            "weights": self._weights,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.recall_at_10, self.before = state["recall_at_10"], state["before"]
        self.when, self._weights = state["when"], state["weights"]
