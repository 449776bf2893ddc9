"""The next symbol from its logits: temperature, top-k, top-p, or the likeliest one."""

from dataclasses import dataclass

import torch
from torch import Tensor

from unspool.errors import SettingError


@dataclass(frozen=True)
class Chooser:
    """Draws symbols by Gumbel's trick: the largest of z/temperature + noise is a draw from softmax(z / temperature).

    The noise, −ln(−ln u) with u uniform for every symbol, comes from outside: who holds the numbers holds the text.
    Gumbel 1954; Maddison, Tarlow & Minka 2014, arXiv:1411.0030. A compiled loop draws in the same way
    (`unspool.passes.feedback`), so the same numbers give the same text there.

    Attributes:
        temperature: logits are divided by it: below 1 more likely symbols become likelier still; 0 takes the
            likeliest one, always.
        top_k: only so many of the likeliest are drawn from; None: all.
        top_p: only the likeliest that together have this probability (nucleus: Holtzman et al. 2019,
            arXiv:1904.09751); 1: all. After top_k, of what that leaves.

    Raises:
        SettingError: one of them has no meaning.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise SettingError(
                f"temperature is {self.temperature}",
                hint="give a number above 0 (1: the model's own probabilities), or 0 for the likeliest symbol always",
            )
        if self.top_k is not None and self.top_k < 1:
            raise SettingError(f"top_k is {self.top_k}", hint="give a number of symbols, at least 1")
        if not 0 < self.top_p <= 1:
            raise SettingError(f"top_p is {self.top_p}", hint="it is a probability above 0, at most 1")

    @property
    def is_plain(self) -> bool:
        """Whether only the temperature is used."""
        return self.top_k is None and self.top_p == 1

    def __call__(self, logits: Tensor, noise: Tensor) -> Tensor:
        """Symbols [B] int64 of logits [B, V] and noise [B, V]."""
        if self.temperature == 0:
            return logits.argmax(-1)
        scaled = logits / self.temperature
        return ((scaled if self.is_plain else self._cut(scaled)) + noise).argmax(-1)

    def _cut(self, logits: Tensor) -> Tensor:
        """−∞ for every symbol that is not to be drawn."""
        ordered, order = logits.sort(dim=-1, descending=True, stable=True)
        if self.top_k is not None:
            ordered[:, self.top_k :] = -torch.inf
        if self.top_p < 1:
            p = ordered.double().softmax(-1)
            ordered[p.cumsum(-1) - p >= self.top_p] = -torch.inf
        return torch.empty_like(logits).scatter_(-1, order, ordered)
