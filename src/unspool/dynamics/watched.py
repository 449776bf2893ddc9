"""A run of a layer whose backward pass also gives ∂loss/∂s(t), the error at every state of every step.

The errors come out of the compiled backward pass, by way of an input that is added to each state (`passes.probe`), so
a training step that watches them costs little more than one that does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from unspool.dynamics.system import as_system
from unspool.errors import DataError
from unspool.ir import StepGraph
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
        x: [B, T, I], whatever the layer's `batch_first` is.
        initial_state: [B, S]; by default zeros.

    Returns:
        The output, to make a loss of; after `loss.backward()` also the errors.

    Raises:
        SettingError: no such layer; or a page whose steps read numbers besides x.

    Cost: as the layer's own run; a cell with more states than its output shows (LSTM: c) runs forward once more
    for each.
    """
    system = as_system(layer)
    layer = system.layer
    graph = layer.graph
    watching = probed(graph)
    rows, steps = x.shape[:2]
    state = x.new_zeros(rows, system.size) if initial_state is None else initial_state
    below, layers = x.transpose(0, 1), []
    for k in range(layer.num_layers):
        parameters = layer.layer_parameters(k)
        initial = [state[:, part] for number, _, part in system.blocks if number == k]
        given = {graph.vector_inputs[0].name: below}
        probes = [x.new_zeros(steps, *s.shape, requires_grad=True) for s in initial]
        named = {PREFIX + s.name: p for s, p in zip(graph.states, probes, strict=True)}
        output, _ = unroll(watching, {**given, **named}, parameters, initial)
        states = tuple(
            torch.cat([first[None], _following(graph, index, output, given, parameters, initial)[:-1]])
            for index, first in enumerate(initial)
        )
        layers.append(WatchedLayer(graph, parameters, below.detach(), states, tuple(probes)))
        below = output
    return WatchedRun(below.transpose(0, 1), tuple(layers))


def _following(
    graph: StepGraph,
    index: int,
    output: Tensor,
    given: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    initial: list[Tensor],
) -> Tensor:
    """State `index` after each step, [T, B, size]."""
    if graph.output == graph.next_states[index]:
        return output.detach()
    with torch.no_grad():
        return unroll(replace(graph, output=graph.next_states[index]), given, parameters, initial)[0]
