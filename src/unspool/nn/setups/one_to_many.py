"""One to many: a sequence generated from a vector, its output fed back."""

from typing import final

import torch
from torch import Tensor, nn

from unspool.nn.setups.diagram import Diagram
from unspool.nn.setups.fed_back import FedBack, FedState


@final
class OneToMany(nn.Module):
    """s_0 = tanh(A v + a) for every state, then the loop runs and reads what it told.

    Args:
        inputs: size of the vector v.
        loop: what runs, any cell in it.

    Example:
        >>> model = OneToMany(5, FedBack(Recurrent("gru", 2, 16), outputs=2))
        >>> model(torch.zeros(3, 5), steps=8).shape
        torch.Size([3, 8, 2])
    """

    def __init__(self, inputs: int, loop: FedBack) -> None:
        super().__init__()
        self.loop = loop
        layers = loop.recurrent.num_layers
        self.begin = nn.ModuleList(nn.Linear(inputs, layers * size) for size in loop.recurrent.state_sizes)

    def forward(
        self,
        v: Tensor,
        x: Tensor | None = None,
        targets: Tensor | None = None,
        *,
        alpha: float | Tensor = 0.0,
        steps: int | None = None,
        start: Tensor | None = None,
    ) -> Tensor:
        """[B, T, O] from vectors [B, V]; the other arguments and what is returned are `FedBack.forward`'s."""
        output, _ = self.loop(x, targets, alpha=alpha, steps=steps, initial_state=self.initial_state(v), start=start)
        return output

    def initial_state(self, v: Tensor) -> FedState:
        """The state that vectors [B, V] begin with, to run or to sample from."""
        layers = self.loop.recurrent.num_layers
        states = tuple(torch.tanh(f(v)).view(len(v), layers, -1).transpose(0, 1) for f in self.begin)
        return states, v.new_zeros(len(v), self.loop.outputs)

    def diagram(self) -> Diagram:
        """How it is drawn."""
        reads = "every" if self.loop.features else "none"
        return Diagram("one to many", self.loop.recurrent, reads=reads, fed_back=True, begins="v")
