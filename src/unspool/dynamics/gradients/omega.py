"""Pascanu's Ω: a penalty on errors that shrink or grow on their way back through time.

    Ω = mean over k of ( ‖∂E/∂s_{k+1} · ∂s_{k+1}/∂s_k‖ / ‖∂E/∂s_{k+1}‖ − 1 )²

Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063v2, eq. 9–10. Only the immediate derivative counts: errors and values of
the step are held constant, and Ω changes with the weights that an error meets on its way through one step. So it costs
one vector–Jacobian product of all steps at once.
"""

from functools import cache

import torch
from torch import Tensor

from unspool.backends.reference.operations import TORCH, block_product
from unspool.dynamics.gradients.watched import WatchedLayer, WatchedRun
from unspool.ir import Apply, Constant, Read, StepGraph, Weight, is_block_diagonal
from unspool.ir.build import needed_for
from unspool.passes.adjoint import Adjoint, adjoint
from unspool.passes.sweep import Sweep


def omega(run: WatchedRun) -> Tensor:
    """Ω of a watched run whose loss has been differentiated; a number to be differentiated in its turn.

    The mean over steps and sequences (the paper writes the sum over steps; its program, and with it its weights, 2 or
    4, take the mean), and the sum over layers: each keeps the error norms of its own states. Errors of zero, such as
    those after the last step that the loss reads, are left out; without any other Ω is 0.

    Args:
        run: see `watch`, after `loss.backward()`.

    Raises:
        DataError: the loss has not been differentiated.

    Cost: about that of the time-parallel half of one backward pass: no loop over time.

    Example:
        >>> from unspool.dynamics.gradients.watched import watch
        >>> from unspool.nn import RNN
        >>> layer = RNN(2, 3)
        >>> run = watch(layer, torch.ones(4, 5, 2))
        >>> run.output[:, -1].square().sum().backward()  # any loss; fills in the errors too
        >>> (4.0 * omega(run)).backward()  # adds Ω's gradients to the loss's
    """
    return torch.stack([_layer_omega(layer) for layer in run.layers]).sum()


def _layer_omega(layer: WatchedLayer) -> Tensor:
    errors = layer.errors
    largest = torch.stack([e.abs().amax(-1) for e in errors]).amax(0)
    tiny = torch.finfo(largest.dtype).tiny
    alive = largest > tiny
    scaled = [e / largest.clamp(min=tiny)[..., None] for e in errors]  # so that no square underflows
    ratio = _norm(_carried_back(layer, scaled)) / _norm(scaled)
    return torch.where(alive, (ratio - 1).square(), 0.0).sum() / alive.sum().clamp(min=1)


def _norm(parts: list[Tensor]) -> Tensor:
    squares = torch.stack([p.square().sum(-1) for p in parts]).sum(0)
    return squares.clamp(min=torch.finfo(squares.dtype).tiny).sqrt()  # the root's derivative at 0 is infinite


def _carried_back(layer: WatchedLayer, errors: list[Tensor]) -> list[Tensor]:
    """Errors [T, B, size] · ∂s'/∂s, a tensor per state: the compiler's adjoint of one step, on all steps at once.

    A value that the step itself computes is a constant; a weight is not.
    """
    graph = layer.graph
    derived, needed = _adjoint_of(graph)
    reads = {graph.vector_inputs[0].name: layer.x}
    reads |= dict(zip((s.name for s in graph.states), layer.states, strict=True))
    reads |= {f"∂{s.name}": e for s, e in zip(graph.states, errors, strict=True)}
    gates = {p.name: p.gates for p in graph.parameters}
    sweep = derived.sweep
    values: dict[int, Tensor | float] = {}
    for position in needed:
        node = sweep.nodes[position]
        with torch.set_grad_enabled(not isinstance(node, Apply) or position >= derived.forward_nodes):
            match node:
                case Read(name, _):
                    values[position] = reads[name]
                case Weight(name, gate, _):
                    stored = layer.parameters[name]
                    stacked = gates[name]
                    values[position] = stored if gate is None else stored.chunk(len(stacked))[stacked.index(gate)]
                case Constant(value, _):
                    values[position] = value
                case Apply(operation, arguments, _):
                    matrix = is_block_diagonal(sweep.nodes[arguments[0]].shape)
                    values[position] = _apply(operation, [values[a] for a in arguments], matrix)
    return [torch.as_tensor(values[p]).expand_as(e) for p, e in zip(sweep.next_states, errors, strict=True)]


def _apply(operation: str, arguments: list[Tensor | float], blocks: bool) -> Tensor:
    match operation, arguments:
        case "product", [Tensor() as matrix, Tensor() as vector]:
            return block_product(vector, matrix) if blocks else vector @ matrix.mT
        case "transpose", [Tensor() as matrix]:
            width = matrix.shape[1]
            return matrix.unflatten(0, (-1, width)).mT.flatten(0, 1) if blocks else matrix.mT
        case "spread", [number, Tensor() as vector]:
            return torch.as_tensor(number, dtype=vector.dtype).expand_as(vector)
        case _:
            return TORCH[operation](*arguments)


@cache
def _adjoint_of(graph: StepGraph) -> tuple[Adjoint, tuple[int, ...]]:
    """The adjoint of one step, and the positions that the states' errors need, in order."""
    forward = Sweep(graph.name, graph.nodes, graph.states, graph.next_states)
    derived = adjoint(forward)
    return derived, tuple(sorted(needed_for(derived.sweep.nodes, derived.sweep.next_states)))
