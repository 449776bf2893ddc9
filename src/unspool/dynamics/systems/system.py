"""A dynamical system as every analysis here sees it: one step of a whole state vector, and its Jacobian.

    s(t) = F(s(t−1), x(t))

The state s is every carried tensor of every layer, side by side: S numbers. A layer of any cell is one (`as_system`);
so is a map or a differential equation given as a function (`function_system`, in `functions.py`).
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Protocol, final

import torch
from torch import Tensor, nn

from unspool.errors import DataError, SettingError
from unspool.ir import StepGraph
from unspool.nn import Recurrent
from unspool.nn.dropin import DropIn
from unspool.runtime import Blocks, Jacobian, identity_blocks, tangent_blocks, tangent_steps, unroll


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

    Everything is differentiable, by the layer's parameters too. Without an input x it is zero.

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
        self._graph = layer.graph
        if numbers := [v.name for v in self._graph.number_inputs]:
            raise SettingError(
                f"the cell {self._graph.name} reads numbers at every step besides x: {', '.join(numbers)}",
                hint="give their values on the page, as constants",
            )
        self.layer = layer
        self._x = self._graph.vector_inputs[0].name
        self._parameters = [layer.layer_parameters(k) for k in range(layer.num_layers)]
        self.input_size = layer.input_size
        self.dtype = next(iter(self._parameters[0].values())).dtype
        self.blocks: list[tuple[int, str, slice]] = []
        self.size = 0
        for k in range(layer.num_layers):
            for state, size in zip(self._graph.states, layer.state_sizes, strict=True):
                self.blocks.append((k, state.name, slice(self.size, self.size + size)))
                self.size += size

    def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """See `System`."""
        below, following = self._input(state, x)[None], []
        for parameters, states in self._layers(state):
            below, finals = unroll(self._graph, {self._x: below}, parameters, states)
            following += finals
        return torch.cat(following, -1)

    def trajectory(self, state: Tensor, x: Tensor) -> Tensor:
        """The states [N, T, S] after each step, from states [N, S] under inputs [N, T, I].

        Cost: of each layer one compiled run over all steps, and one more for each state that is not its output.
        """
        below, after = x.transpose(0, 1), []
        for parameters, states in self._layers(state):
            given = {self._x: below}
            below, _ = unroll(self._graph, given, parameters, states)
            after += states_over_time(self._graph, below, given, parameters, states)
        return torch.cat(after, -1).transpose(0, 1)

    def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """See `System`."""
        return self.linearised(state, x).dense(state)

    def input_jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """∂(next state)/∂x, [N, S, I]."""
        moving = identity_blocks(self.input_size, 0, state)
        columns = ((0, self.input_size),)
        return self._linearised(state, x, [Blocks() for _ in self.blocks], moving, columns).dense(state)

    def linearised(self, state: Tensor, x: Tensor | None = None) -> Jacobian:
        """∂(next state)/∂(state) of N states in blocks, to be multiplied with columns; see `runtime.jacobian`."""
        moving = [identity_blocks(part.stop - part.start, part.start, state) for _, _, part in self.blocks]
        columns = tuple((part.start, part.stop - part.start) for _, _, part in self.blocks)
        return self._linearised(state, x, moving, Blocks(), columns)

    def carried(self, state: Tensor, x: Tensor | None, columns: Tensor) -> Tensor:
        """J_T … J_1 times columns [B, S, K] of B trajectories, with states [T, B, S] before each step; compiled.

        x is [T, B, I]. Faster than `linearised` for a few columns over many steps; `runtime.jacobian` has the figures.
        """
        along = self._along(state, x)
        moving: dict[str, Tensor] = {}
        finals: list[Tensor] = []
        for (parameters, before, below), (_, tangents) in zip(along, self._layers(columns.mT), strict=True):
            output, following = tangent_steps(self._graph, {self._x: below}, parameters, before, tangents, moving)
            moving = {self._x: output}
            finals += following
        return torch.cat(finals, -1).mT

    def _linearised(
        self, state: Tensor, x: Tensor | None, states: list[Blocks], below: Blocks, columns: tuple[tuple[int, int], ...]
    ) -> Jacobian:
        """The derivatives by whatever `states` and the input `below` are derivatives by."""
        rows: list[tuple[int, Blocks]] = []
        names = [s.name for s in self._graph.states]
        for parameters, before, values in self._along(state, x):
            own = states[len(rows) : len(rows) + len(names)]
            moving = dict(zip(names, own, strict=True)) | ({self._x: below} if below else {})
            following, below = tangent_blocks(self._graph, {self._x: values}, parameters, before, moving)
            rows += zip((s.shape[-1] for s in before), following, strict=True)
        return Jacobian(tuple(rows), columns)

    def _along(
        self, state: Tensor, x: Tensor | None
    ) -> Iterator[tuple[Mapping[str, Tensor], tuple[Tensor, ...], Tensor]]:
        """Of each layer its parameters, its states in states […, S], and what it reads in a step from there […, ·]."""
        below = self._input(state, x)
        for number, (parameters, states) in enumerate(self._layers(state), 1):
            yield parameters, states, below
            if number < len(self._parameters):
                rows = [s.flatten(0, -2) for s in states]
                output, _ = unroll(self._graph, {self._x: below.flatten(0, -2)[None]}, parameters, rows)
                below = output[0].view(*below.shape[:-1], output.shape[-1])

    def _layers(self, state: Tensor) -> Iterator[tuple[Mapping[str, Tensor], tuple[Tensor, ...]]]:
        """Of each layer its parameters and its states in states [N, S]."""
        for k, parameters in enumerate(self._parameters):
            yield parameters, tuple(state[..., part] for number, _, part in self.blocks if number == k)

    def _input(self, state: Tensor, x: Tensor | None) -> Tensor:
        return state.new_zeros((*state.shape[:-1], self.input_size)) if x is None else x


def states_over_time(
    graph: StepGraph,
    output: Tensor,
    inputs: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    initial: Sequence[Tensor],
) -> list[Tensor]:
    """Each state after every step, [T, B, size], of a cell that gave `output` for the rest.

    Cost: one compiled run for each state that is not the output.
    """
    return [
        output if position == graph.output else unroll(_showing(graph, position), inputs, parameters, initial)[0]
        for position in graph.next_states
    ]


@cache
def _showing(graph: StepGraph, position: int) -> StepGraph:
    return replace(graph, output=position)


def jacobian_of(step: Callable[[Tensor, Tensor | None], Tensor], state: Tensor, x: Tensor | None) -> Tensor:
    """[N, S, S] of any function of states [N, S], by forward mode."""

    def single(s: Tensor, u: Tensor | None) -> Tensor:
        return step(s[None], None if u is None else u[None])[0]

    if x is None:
        return torch.func.vmap(torch.func.jacfwd(lambda s: single(s, None)))(state)
    return torch.func.vmap(torch.func.jacfwd(single))(state, x)


def trajectory_of(system: System, state: Tensor, x: Tensor | None, steps: int) -> Tensor:
    """The states [N, T, S] of any system after each of T steps, from states [N, S] under inputs [N, T, I]."""
    if isinstance(system, LayerSystem):
        return system.trajectory(
            state, state.new_zeros((1, 1, 1)).expand(len(state), steps, system.input_size) if x is None else x
        )
    after = []
    for t in range(steps):
        state = system.step(state, None if x is None else x[:, t])
        after.append(state)
    return torch.stack(after, 1)


def as_system(layer: nn.Module) -> LayerSystem:
    """The system of a `Recurrent` layer, or of a drop-in `RNN`, `GRU`, `LSTM`.

    Raises:
        SettingError: the layer is bidirectional or a stack with residuals, its cell reads numbers besides x, or it is
            no recurrent layer of Unspool's.
    """
    if not isinstance(layer, Recurrent | DropIn):
        raise SettingError(
            f"{type(layer).__name__} is not a recurrent layer of Unspool's",
            hint="give a Recurrent, RNN, GRU or LSTM of unspool.nn; those load torch.nn's state_dict as it is",
        )
    if isinstance(layer, Recurrent) and layer.residual:
        raise SettingError(
            "a stack with residuals is not analysed: its layers read more than the layer below tells them",
            hint="analyse a layer of it by itself",
        )
    return LayerSystem(layer)


def system_of(given: nn.Module | System) -> System:
    """The system of a layer, on a copy in float64 on the CPU; a `System` as it is.

    Raises:
        SettingError: as `as_system`.
        DataError: a weight is not finite.
    """
    if not isinstance(given, nn.Module):
        return given
    for name, parameter in given.named_parameters():
        if not parameter.isfinite().all():
            raise DataError(f"the weights {name} hold NaN or infinity", hint="training diverged; take an earlier state")
    return as_system(copy.deepcopy(given).double().requires_grad_(False).cpu())
