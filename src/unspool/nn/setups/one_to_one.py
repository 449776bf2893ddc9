"""One to one: a single step from rest. It is a feed-forward network: without a second step nothing is fed back."""

from typing import final

from torch import Tensor, nn

from unspool.nn.recurrent import Recurrent
from unspool.nn.setups.diagram import Diagram


@final
class OneToOne(nn.Module):
    """y = V h_1 + c, where h_1 is the state after one step from the initial state.

    Args:
        recurrent: any cell over time; of an Elman network from rest it is a layer f(W x + b) and no more.
        outputs: O.
    """

    def __init__(self, recurrent: Recurrent, outputs: int) -> None:
        super().__init__()
        self.recurrent, self.readout = recurrent, nn.Linear(recurrent.output_size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, O] of vectors [B, I]."""
        return self.readout(self.recurrent(x[:, None])[0][:, 0])

    def diagram(self) -> Diagram:
        """How it is drawn."""
        return Diagram("one to one", self.recurrent, steps=1)
