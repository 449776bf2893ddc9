"""One vector of a whole sequence: its last output, the mean of all, or a weighted mean whose weights are learned."""

from typing import Literal, final, get_args

import torch
from torch import Tensor, nn

from unspool.errors import SettingError

Pool = Literal["last", "mean", "attention"]


@final
class Pooling(nn.Module):
    """Outputs of all steps → one vector.

    Args:
        pool: "last": the output after a sequence's last step (of a reverse direction: after its first). "mean": of its
            steps. "attention": Σ_t a_t y_t with a = softmax_t(v · tanh(A y_t + c)), after Bahdanau et al. 2015
            (arXiv:1409.0473, the score of its appendix A.1.2) without a query, as Yang et al. 2016 pool words.
        size: features of the outputs, D · size.
        directions: D.

    Raises:
        SettingError: no such pool.
    """

    def __init__(self, pool: Pool, size: int, directions: int = 1) -> None:
        super().__init__()
        if pool not in get_args(Pool):
            raise SettingError(f"pool is '{pool}'", hint=f"there are: {', '.join(get_args(Pool))}")
        self.pool, self.directions = pool, directions
        if pool == "attention":
            self.look, self.score = nn.Linear(size, size), nn.Linear(size, 1, bias=False)

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[B, size] of outputs [B, T, size]; lengths [B] where sequences end before step T."""
        if self.pool == "last":
            return _last(output, lengths, self.directions)
        alive = _alive(output, lengths)
        if self.pool == "mean":
            return (output * alive).sum(1) / alive.sum(1)
        scores = self.score(torch.tanh(self.look(output))).masked_fill(alive == 0, float("-inf"))
        return (scores.softmax(1) * output).sum(1)

    def extra_repr(self) -> str:
        """The pool."""
        return self.pool


def _last(output: Tensor, lengths: Tensor | None, directions: int) -> Tensor:
    if lengths is None:
        last = output[:, -1]
    else:
        index = (lengths.to(output.device).long() - 1)[:, None, None].expand(-1, 1, output.shape[-1])
        last = output.gather(1, index)[:, 0]
    if directions == 1:
        return last
    forward = output.shape[-1] // 2
    return torch.cat([last[:, :forward], output[:, 0, forward:]], -1)


def _alive(output: Tensor, lengths: Tensor | None) -> Tensor:
    """[B, T, 1]: 1 at the steps that a sequence has."""
    if lengths is None:
        return output.new_ones((*output.shape[:2], 1))
    steps = torch.arange(output.shape[1], device=output.device)
    return (steps < lengths.to(output.device)[:, None]).to(output.dtype)[..., None]
