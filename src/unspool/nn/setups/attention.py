"""Attention: every step of a decoder looks back at all of an encoder's outputs."""

from typing import final

import torch
from torch import Tensor, nn


@final
class Attention(nn.Module):
    """h̃_t = tanh(C [c_t, h_t]) with c_t = Σ_s a_ts m_s and a_t = softmax_s(h_tᵀ A m_s).

    Luong, Pham & Manning 2015, arXiv:1508.04025, global attention, score "general" (their equations 5 to 8).

    Args:
        size: of the queries h.
        memory: size of what is looked at, m.

    Time and memory: O(B · T · S) numbers for T queries and S memories.
    """

    def __init__(self, size: int, memory: int) -> None:
        super().__init__()
        self.match, self.combine = nn.Linear(memory, size, bias=False), nn.Linear(memory + size, size, bias=False)

    def forward(self, queries: Tensor, memory: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[B, T, size] of queries [B, T, size] and memories [B, S, M], of which row i has lengths[i]."""
        context = self.weights(queries, memory, lengths) @ memory
        return torch.tanh(self.combine(torch.cat([context, queries], -1)))

    def weights(self, queries: Tensor, memory: Tensor, lengths: Tensor | None = None) -> Tensor:
        """A [B, T, S]: how much each query looks at each memory; every row adds up to 1."""
        scores = queries @ self.match(memory).transpose(1, 2)
        if lengths is not None:
            there = torch.arange(memory.shape[1], device=memory.device) < lengths.to(memory.device)[:, None]
            scores = scores.masked_fill(~there[:, None], float("-inf"))
        return scores.softmax(-1)
