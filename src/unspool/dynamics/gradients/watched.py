"""A run of a layer whose backward pass also gives ∂loss/∂s(t), the error at every state of every step.

The errors come out of the compiled backward pass, by way of an input that is added to each state (`passes.probe`), so
a training step that watches them costs little more than one that does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from unspool.dynamics.systems.system import LayerSystem, as_system, states_over_time
from unspool.errors import DataError, ShapeError
from unspool.ir import StepGraph
from unspool.nn import Recurrent
from unspool.nn.check import check_input
from unspool.passes.probe import PREFIX, probed
from unspool.runtime import unroll


@final
@dataclass(frozen=True, eq=False)
class WatchedLayer:
    """One layer of a run; time comes first.

    Attributes:
        graph: the cell's step.
        parameters: name on the page → stored parameter.
        x: [T, B, I], what the layer read; no gradient.
        states: per state [T, B, size], before each step; no gradient.
        probes: per state [T, B, size], zeros; their gradient is the error.
    """

    graph: StepGraph
    parameters: Mapping[str, Tensor]
    x: Tensor
    states: tuple[Tensor, ...]
    probes: tuple[Tensor, ...]

    @property
    def errors(self) -> tuple[Tensor, ...]:
        """Per state ∂loss/∂s(t) after each step, [T, B, size].

        Raises:
            DataError: no loss of this run has been differentiated yet.
        """
        given = tuple(p.grad for p in self.probes if p.grad is not None)
        if len(given) < len(self.probes):
            raise DataError(
                "the errors of this run are not known yet",
                hint="call backward() on a loss made of run.output first; it fills them in beside the gradients",
            )
        return given


@final
@dataclass(frozen=True, eq=False)
class WatchedRun:
    """The result of `watch`.

    Attributes:
        output: [B, T, O], as the layer gives it.
        layers: see `WatchedLayer`.
    """

    output: Tensor
    layers: tuple[WatchedLayer, ...]

    @property
    def states(self) -> Tensor:
        """[B, T, S] before each step, without gradient, in the order of `as_system(layer).blocks`."""
        return torch.cat([s for layer in self.layers for s in layer.states], -1).transpose(0, 1)

    @property
    def errors(self) -> Tensor:
        """∂loss/∂s(t) [B, T, S] after each step, in the same order; see `WatchedLayer`."""
        return torch.cat([e for layer in self.layers for e in layer.errors], -1).transpose(0, 1)


def watch(layer: nn.Module, x: Tensor, initial_state: Tensor | None = None) -> WatchedRun:
    """Run `layer` so that the backward pass of a loss gives the error at every state besides the gradients.

    Args:
        layer: a recurrent layer in one direction; its dropout between layers is left out.
        x: [B, T, I], whatever the layer's `batch_first` is, in its dtype.
        initial_state: [B, S]; by default what the layer has learned, or zeros.

    Returns:
        The output, to make a loss of; after `loss.backward()` also the errors.

    Raises:
        SettingError: no such layer; or a page whose steps read numbers besides x.
        ShapeError: x or the states do not fit the layer.

    Cost: as the layer's own run; a cell with more states than its output shows (LSTM: c) runs forward once more
    for each.
    """
    system, state = begin(layer, x, initial_state)
    graph = system.layer.graph
    watching = probed(graph)
    below, layers = x.transpose(0, 1), []
    for k in range(system.layer.num_layers):
        parameters = system.layer.layer_parameters(k)
        initial = [state[:, part] for number, _, part in system.blocks if number == k]
        given = {graph.vector_inputs[0].name: below}
        probes = [x.new_zeros(len(below), *s.shape, requires_grad=True) for s in initial]
        named = {PREFIX + s.name: p for s, p in zip(graph.states, probes, strict=True)}
        output, _ = unroll(watching, {**given, **named}, parameters, initial)
        with torch.no_grad():
            after = states_over_time(graph, output.detach(), given, parameters, initial)
        states = tuple(torch.cat([s.detach()[None], a[:-1]]) for s, a in zip(initial, after, strict=True))
        layers.append(WatchedLayer(graph, parameters, below.detach(), states, tuple(probes)))
        below = output
    return WatchedRun(below.transpose(0, 1), tuple(layers))


def begin(layer: nn.Module, x: Tensor, initial_state: Tensor | None) -> tuple[LayerSystem, Tensor]:
    """The system of a layer that is to run on x [B, T, I] as it is, and the states [B, S] from which it does.

    Raises:
        SettingError: as `as_system`.
        ShapeError: x or the states do not fit the layer.
    """
    system = as_system(layer)
    title, given = type(layer).__name__, system.layer
    check_input(title, x, "BTI", given.input_size, given.graph, given.layer_parameters(0))
    if initial_state is not None:
        if initial_state.shape != (len(x), system.size) or initial_state.dtype != x.dtype:
            raise ShapeError(
                f"{title}: initial_state is {initial_state.dtype} {list(initial_state.shape)}; "
                f"expected {x.dtype} [B={len(x)}, S={system.size}]"
            )
        return system, initial_state
    if isinstance(given, Recurrent) and given.learn_initial_state:
        learned = [given.get_parameter(f"initial_{name}")[number] for number, name, _ in system.blocks]
        return system, torch.cat(learned, -1).expand(len(x), -1)
    return system, x.new_zeros(len(x), system.size)
