"""The matrices that a page makes of learned ones, in torch: differentiable, on any device."""

from collections.abc import Mapping

import torch
from torch import Tensor

from unspool.backends.reference.operations import TORCH
from unspool.ir import Apply, Constant, Weight
from unspool.passes import Parametrised


def made_matrices(recipe: Parametrised, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name → matrix, of every matrix that the page makes.

    Args:
        recipe: how they are made.
        stored: the page's parameters, as stored.

    Cost: an exponential takes some twenty products [H, H] by [H, H], and its gradient about three times as many.
    """
    gates = {p.name: p.gates for p in recipe.stored}
    values: dict[int, Tensor | float] = {}
    for position in recipe.needed:
        match recipe.nodes[position]:
            case Weight(name, None, _):
                values[position] = stored[name]
            case Weight(name, str(gate), _):
                values[position] = stored[name].chunk(len(gates[name]))[gates[name].index(gate)]
            case Constant(value, _):
                values[position] = value
            case Apply(operation, arguments, _):
                values[position] = _OPERATIONS[operation](*(values[a] for a in arguments))
            case _:  # an input or a state: check_matrices has refused such a page
                raise AssertionError("a matrix is made of parameters")
    return {name: value for name, position in recipe.made if isinstance(value := values[position], Tensor)}


_OPERATIONS = TORCH | {
    "product": torch.matmul,
    "transpose": lambda a: a.mT,
    "expm": torch.matrix_exp,
    "identity": lambda a: torch.eye(a.shape[-1], dtype=a.dtype, device=a.device),
}
