"""The last layer of cn_clip's transformers, for the one token that becomes the embedding.

Only [CLS] is used of the last layer's output. The other tokens serve as its keys and values; their
queries, projections and feed-forward sums would be thrown away (for ViT-B-16, 2.4 of 35.1 GFLOP a
picture). The layers here leave them out, and give the same result as cn_clip's for [CLS].
"""

from typing import Any

from torch import Tensor, nn


class FirstTokenBlock(nn.Module):
    """A `ResidualAttentionBlock` of cn_clip's vision transformer."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.attn, self.mlp = block.attn, block.mlp
        self.ln_1, self.ln_2 = block.ln_1, block.ln_2

    def forward(self, states: Tensor) -> Tensor:
        """Return (1, batch, width) of (tokens, batch, width)."""
        normed = self.ln_1(states)
        first = states[:1] + self.attn(normed[:1], normed, normed, need_weights=False)[0]
        after: Tensor = first + self.mlp(self.ln_2(first))
        return after


class FirstTokenAttention(nn.Module):
    """A `BertAttention` of cn_clip's, its addition and norm included.

    Args:
        attention: its `self` takes `queried`, as `chinese_clip.FusedSelfAttention` does.
    """

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.self, self.output = attention.self, attention.output

    def forward(
        self, hidden: Tensor, attention_mask: Tensor | None = None, head_mask: None = None
    ) -> tuple[Tensor]:
        """Return the first token's state, (batch, 1, width), in a tuple as BERT wants it."""
        first = hidden[:, :1]
        mixed = self.self(hidden, attention_mask, queried=first)[0]
        return (self.output(mixed, first),)
