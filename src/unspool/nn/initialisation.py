"""First values that let a recurrent layer remember: orthogonal, identity, chrono, an open forget gate.

Each sets parameters of a layer in place, in all its layers and directions, and leaves the others. What to set is read
off the cell's graph, so a user's own cell is served too, and one that has nothing of the kind is refused.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from unspool.errors import SettingError
from unspool.ir import Apply, Read, StepGraph, Weight, is_block_diagonal
from unspool.nn.dropin import DropIn
from unspool.nn.recurrent import Recurrent
from unspool.passes import bias_names
from unspool.passes.retention import Gate, retentions


def init_orthogonal(layer: Recurrent | DropIn, gain: float = 1.0) -> None:
    """Every recurrent matrix becomes orthogonal times `gain`, gate by gate and block by block.

    All its singular values are `gain`, so that with gain 1 a linear network's errors keep their norm (Saxe, McClelland
    & Ganguli 2014, arXiv:1312.6120). A unit that saturates shrinks them all the same.

    Raises:
        SettingError: the cell has no recurrent matrix.
    """
    for matrix in _recurrent_matrices(layer):
        nn.init.orthogonal_(matrix, gain)


def init_identity(layer: Recurrent | DropIn, scale: float = 1.0) -> None:
    """Every recurrent matrix becomes `scale` · I and every bias 0: with rectifiers, the IRNN.

    Until training moves it, each unit adds up its inputs (Le, Jaitly & Hinton 2015, arXiv:1504.00941; their input
    matrix, left alone here, has a standard deviation of .001).

    Raises:
        SettingError: the cell has gates, which forget a state whatever their matrices are; or no recurrent matrix, or
            one that is not square.
    """
    if any(p.gates for p in layer.graph.parameters):
        raise SettingError(
            f"{layer.graph.name}: the identity is for cells without gates",
            hint="init_chrono and init_forget_bias open the gate that keeps the memory",
        )
    matrices = _recurrent_matrices(layer)
    if any(m.shape[0] != m.shape[1] for m in matrices):
        raise SettingError(f"{layer.graph.name}: a recurrent matrix is not square, so there is no identity")
    for matrix in matrices:
        nn.init.eye_(matrix)
        matrix.data.mul_(scale)
    for parameters in _all_parameters(layer):
        for name in bias_names(layer.graph):
            nn.init.zeros_(parameters[name])


def init_chrono(layer: Recurrent | DropIn, longest: float) -> None:
    """The gate that keeps a state starts with time constants spread over 1 to `longest` steps.

    Its bias becomes ln u with u uniform in 1 … longest − 1, for each unit; where another gate writes to that state
    (LSTM: i), its bias becomes −ln u. Tallec & Ollivier 2018, arXiv:1804.11188, section 3.

    Args:
        layer: of a cell whose page multiplies a state by σ(… + bias), or by 1 − σ(… + bias).
        longest: T_max, steps, above 2: the longest lag that the task is thought to need.

    Raises:
        SettingError: no state of the cell has such a gate, or `longest` is not above 2.
    """
    if not longest > 2:
        raise SettingError(f"chrono: the longest lag is {longest:g} steps; it must be above 2")
    _open(layer, lambda bias: torch.empty_like(bias).uniform_(1, longest - 1).log(), closes_writing=True)


def init_forget_bias(layer: Recurrent | DropIn, value: float = 1.0) -> None:
    """The gate that keeps a state starts with bias `value`: at 1 it keeps σ(1) = 73 % per step, τ = 3.2 steps.

    Gers, Schmidhuber & Cummins 2000, Neural Computation 12(10); Jozefowicz, Zaremba & Sutskever 2015.

    Raises:
        SettingError: no state of the cell is multiplied by a gate that has a bias.
    """
    _open(layer, lambda bias: torch.full_like(bias, value), closes_writing=False)


def _open(layer: Recurrent | DropIn, draw: Callable[[Tensor], Tensor], *, closes_writing: bool) -> None:
    graph = layer.graph
    found = [r for r in retentions(graph) if r and r.keep and r.keep.biases]
    if not found:
        raise SettingError(
            f"{graph.name}: no state is multiplied by a gate σ(… + bias), so there is none to open",
            hint="choose a cell with such a gate (lstm, gru, leaky), with biases; or init_orthogonal, init_identity",
        )
    for parameters in _all_parameters(layer):
        for retention in found:
            keep, write = retention.keep, retention.write
            assert keep is not None
            logit = draw(_rows(graph, parameters, keep.biases[0]).detach())
            _set(graph, parameters, keep, logit)
            if closes_writing and write is not None:
                _set(graph, parameters, write, -logit)


@torch.no_grad()
def _set(graph: StepGraph, parameters: Mapping[str, Tensor], gate: Gate, logit: Tensor) -> None:
    """The first bias of the gate takes it all, so that their sum is `logit`."""
    for index, bias in enumerate(gate.biases):
        _rows(graph, parameters, bias).copy_(gate.opens * logit if index == 0 else torch.zeros_like(logit))


def _recurrent_matrices(layer: Recurrent | DropIn) -> list[Tensor]:
    """The matrices that multiply something made of a state: a gate's rows, a block, at a time."""
    graph = layer.graph
    weights = dict.fromkeys(_recurrent_weights(graph))
    if not weights:
        raise SettingError(
            f"{graph.name}: the cell has no recurrent matrix", hint="its units see their own past only; set that factor"
        )
    matrices: list[Tensor] = []
    for parameters in _all_parameters(layer):
        for weight in weights:
            if weight.name not in parameters:
                raise SettingError(
                    f"{graph.name}: its recurrent matrix {weight.name} is made of other parameters, by its page",
                    hint="give the layer first values for those: Recurrent(…, start={…})",
                )
            rows = _rows(graph, parameters, weight).detach()
            matrices += rows.split(rows.shape[1]) if is_block_diagonal(weight.shape) else [rows]
    return matrices


def _recurrent_weights(graph: StepGraph) -> Iterator[Weight]:
    states, recurrent = {s.name for s in graph.states}, list[bool]()
    for node in graph.nodes:
        match node:
            case Apply("product", (matrix, operand), _):
                weight = graph.nodes[matrix]
                recurrent.append(recurrent[operand])
                if recurrent[operand] and isinstance(weight, Weight):
                    yield weight
            case Apply(_, arguments, _):
                recurrent.append(any(recurrent[a] for a in arguments))
            case _:
                recurrent.append(isinstance(node, Read) and node.name in states)


def _rows(graph: StepGraph, parameters: Mapping[str, Tensor], weight: Weight) -> Tensor:
    """The part of a stored parameter that a weight is."""
    stored = parameters[weight.name]
    gates = next(p.gates for p in graph.parameters if p.name == weight.name)
    return stored if weight.gate is None else stored.chunk(len(gates))[gates.index(weight.gate)]


def _all_parameters(layer: Recurrent | DropIn) -> list[dict[str, Tensor]]:
    """Name on the page → stored parameter, for every layer and direction."""
    if isinstance(layer, DropIn):
        return layer._layer_parameters()
    return [layer._stored_parameters(s) for k in range(layer.num_layers) for s in layer._suffixes(k)]
