"""A dynamical system as every analysis here sees it: one step of a whole state vector, and its Jacobian.

    s(t) = F(s(t−1), x(t))

The state s is every carried tensor of every layer, side by side: S numbers. A layer of any cell is one (`as_system`);
so is a map or a differential equation given as a function (`function_system`, in `functions.py`).
"""

from collections.abc import Callable
from typing import Protocol, final

import torch
from torch import Tensor, nn

from unspool.errors import SettingError
from unspool.nn import Recurrent
from unspool.nn.dropin import DropIn
from unspool.runtime import unroll


class System(Protocol):
    """What the analyses need; a user's own class may have these five."""

    @property
    def size(self) -> int:
        """S, numbers in the state."""
        ...

    @property
    def input_size(self) -> int:
        """I, numbers of the input per step; 0 for an autonomous system."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Of states and inputs."""
        ...

    def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """The next states [N, S] of states [N, S] under inputs [N, I]."""
        ...

    def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """∂(next state)/∂(state), [N, S, S]: row i holds the derivatives of number i of the next state."""
        ...


@final
class LayerSystem:
    """The system that a recurrent layer is; see `as_system`.

    Attributes:
        size: S.
        input_size: I.
        dtype: of the parameters.
        blocks: (layer, state's name, slice of s) in the order of s: layer 0's states, then layer 1's, …
    """

    def __init__(self, layer: Recurrent | DropIn) -> None:
        if layer.bidirectional:
            raise SettingError(
                "a bidirectional layer is not a dynamical system: its state needs the future as well as the past",
                hint="build it with bidirectional=False, or look at the forward direction alone",
            )
        self.layer, self._graph = layer, layer.graph
        self._parameters = [layer.layer_parameters(k) for k in range(layer.num_layers)]
        self._sizes = layer.state_sizes
        self.input_size = layer.input_size
        self.dtype = next(layer.parameters()).dtype
        self.blocks: list[tuple[int, str, slice]] = []
        self.size = 0
        for k in range(layer.num_layers):
            for state, size in zip(self._graph.states, self._sizes, strict=True):
                self.blocks.append((k, state.name, slice(self.size, self.size + size)))
                self.size += size

    def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """See `System`; without an input it is zero."""
        below = state.new_zeros((*state.shape[:-1], self.input_size)) if x is None else x
        following: list[Tensor] = []
        parts = state.split([s for _ in self._parameters for s in self._sizes], -1)
        for k, parameters in enumerate(self._parameters):
            states = parts[k * len(self._sizes) : (k + 1) * len(self._sizes)]
            output, final_states = unroll(
                self._graph, {self._graph.vector_inputs[0].name: below[None]}, parameters, states
            )
            below = output[0]
            following += final_states
        return torch.cat(following, -1)

    def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """See `System`."""
        return jacobian_of(self.step, state, x)

    def trajectory(self, state: Tensor, x: Tensor) -> Tensor:
        """The states [N, T, S] after each step, from states [N, S] under inputs [N, T, I]."""
        states = []
        for t in range(x.shape[1]):
            state = self.step(state, x[:, t])
            states.append(state)
        return torch.stack(states, 1)


def jacobian_of(step: Callable[[Tensor, Tensor | None], Tensor], state: Tensor, x: Tensor | None) -> Tensor:
    """[N, S, S] of any function of states [N, S], by forward mode."""

    def single(s: Tensor, u: Tensor | None) -> Tensor:
        return step(s[None], None if u is None else u[None])[0]

    if x is None:
        return torch.func.vmap(torch.func.jacfwd(lambda s: single(s, None)))(state)
    return torch.func.vmap(torch.func.jacfwd(single))(state, x)


def as_system(layer: nn.Module) -> LayerSystem:
    """The system of a `Recurrent` layer, or of a drop-in `RNN`, `GRU`, `LSTM`.

    Raises:
        SettingError: the layer is bidirectional, or no recurrent layer of Unspool's.
    """
    if not isinstance(layer, Recurrent | DropIn):
        raise SettingError(
            f"{type(layer).__name__} is not a recurrent layer of Unspool's",
            hint="give a Recurrent, RNN, GRU or LSTM of unspool.nn; those load torch.nn's state_dict as it is",
        )
    return LayerSystem(layer)
