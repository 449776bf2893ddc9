"""How fast columns grow along a trajectory: they are carried by the Jacobians and kept apart.

    Q_{t+k} R = J_{t+k} … J_{t+1} Q_t        Σ ln |R_ii|: what column i grew by, apart from what lies in those before it

Whatever triangular R is divided out on the way, the product of all of them is that of one QR decomposition of the whole
product, if Q is orthonormal where the sum begins and where it ends. In between it only has to stay far from singular.
So there it is P L of W = P L U, whose entries are at most 1: LU takes a quarter of the time of QR.

Between two decompositions all columns turn towards the fastest growing direction, and what column i has beyond the
others shrinks to a share of it. A share near the rounding of the dtype would make R_ii a random number. So k follows
the shares: steps in which they became too small are done again with a smaller k, and k grows where they leave room.
"""

import math
from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

from unspool.errors import DataError

LEAST, AIM = 1e4, 1e6
"""Of a share, in units of the dtype's rounding: steps that come below the first are done again; k aims at the second.
The 256 exponents of an LSTM, down to −9.6, came within 3e-5 of those of QR decompositions with k = 1."""

Advance = Callable[[int, int, Tensor], Tensor]
"""(first, last, columns [B, S, K]) → J_last … J_{first+1} columns."""


@final
class Columns:
    """Columns of B trajectories, and what they have grown by.

    Args:
        columns: [B, S, K], independent.
        every: the largest k; by default there is none.

    Attributes:
        share: the least share of each column [K] ever met, of those that did not vanish.
        least: what a share has to be.
        rounds: decompositions so far.
    """

    def __init__(self, columns: Tensor, every: int | None) -> None:
        self._most, self._every = every, 1
        self._columns, self._orthonormal = columns, False
        numbers = torch.finfo(columns.dtype)
        self.least, self._aim = LEAST * numbers.eps, AIM * numbers.eps
        self._nothing = 10 * columns.shape[-2] ** 0.5 * numbers.eps  # what rounding leaves of a zero
        self._tiny = numbers.tiny / numbers.eps
        self._vanished = columns.new_zeros((columns.shape[0], columns.shape[-1]), dtype=torch.bool)
        self.share = columns.new_ones(columns.shape[-1])
        self.rounds = 0
        self._logs = torch.zeros_like(self.share)
        self.taken()

    def taken(self) -> Tensor:
        """Σ ln |R_ii| [B, K] since it was last taken; −∞ once a column vanished: it shrank to rounding in one step."""
        self._orthonormalise()
        logs, self._logs = self._logs, torch.where(self._vanished, -torch.inf, torch.zeros_like(self._columns[:, 0]))
        return logs

    def run(self, advance: Advance, steps: int) -> None:
        """Carry the columns over `steps` steps.

        Raises:
            DataError: a Jacobian is not finite.
        """
        done = 0
        while done < steps:
            count = min(self._every, steps - done)
            carried = advance(done, done + count, self._columns)
            lengths = carried.abs().amax(-2)
            factors, pivots, _ = torch.linalg.lu_factor_ex(carried)
            kept = factors.diagonal(dim1=-2, dim2=-1).abs()
            sound = (lengths > self._tiny) & lengths.isfinite()
            shares = torch.where(self._vanished, 1.0, torch.where(sound, kept / lengths, 0.0))
            least = float(shares.min())
            room = _room(count, least, self._aim)
            if least < self.least and count > 1:
                self._every = room
                continue
            if least < self.least and not self._orthonormal:
                self._orthonormalise()
                continue
            if not lengths.isfinite().all():
                raise DataError("a Jacobian is not finite", hint="the trajectory diverges, or a derivative is infinite")
            if count == 1:
                self._vanished |= shares <= self._nothing
            if count == self._every:
                self._every = min(2 * count, room, self._most or steps)
            self._columns, self._orthonormal = _lower(factors, pivots), False
            self._logs += torch.where(self._vanished, -torch.inf, kept.log())
            self.share = torch.minimum(self.share, torch.where(self._vanished, 1.0, shares).amin(0))
            self.rounds += 1
            done += count

    def _orthonormalise(self) -> None:
        self._columns, upper = torch.linalg.qr(self._columns)
        self._logs = self._logs + upper.diagonal(dim1=-2, dim2=-1).abs().log()
        self._orthonormal = True


def _lower(factors: Tensor, pivots: Tensor) -> Tensor:
    """P L [B, S, K] of LU's factors [B, S, K], which are used up, and row exchanges [B, K].

    The P of torch.lu_unpack would cost a product.
    """
    lower = factors.tril_(-1)
    lower.diagonal(dim1=-2, dim2=-1).fill_(1.0)
    result = torch.empty_like(lower, memory_format=torch.contiguous_format)
    for into, rows, exchanges in zip(result, lower, pivots.tolist(), strict=True):
        order = list(range(len(rows)))
        for i, j in enumerate(exchanges):
            order[i], order[j - 1] = order[j - 1], order[i]
        into.index_copy_(0, torch.tensor(order), rows)
    return result


def _room(count: int, share: float, aim: float) -> int:
    """The steps in which a share comes to `aim`, if it was `share` after `count` of them: it falls exponentially."""
    if share >= 1:
        return 2 * count
    # What is far below is rounding, and says little.
    return max(1, int(count * math.log(aim) / math.log(share)) if share > aim / 1e4 else count // 2)
