"""First values: what a page declares, what a caller asks for instead, and torch.nn's where neither says anything."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from unspool.ir import Parameter, StepGraph, is_block_diagonal
from unspool.lang.starts import Array, Start, as_start


def merged_start(page: Mapping[str, Start], asked: Mapping[str, Start | float] | None) -> dict[str, Start]:
    """The page's starts with the caller's in their place: one of a whole parameter replaces those of its gates.

    They are drawn in the page's order, for one may follow from another.
    """
    given = {key: as_start(value) for key, value in (asked or {}).items()}
    kept = {k: given.get(k, v) for k, v in page.items() if k in given or k.split(".")[0] not in given}
    return {**kept, **given}


@torch.no_grad()
def draw_parameters(
    graph: StepGraph, parameters: Mapping[str, Tensor], start: Mapping[str, Start], hidden_size: int
) -> None:
    """Give every stored parameter of one layer and direction its first values, in place.

    Args:
        graph: whose parameters they are, as the page declares them.
        parameters: by name, as stored.
        start: parameter or gate → start; what has none is uniform in ±1/√H.
        hidden_size: H.
    """
    bound = 1 / math.sqrt(hidden_size)
    for parameter in graph.parameters:
        nn.init.uniform_(parameters[parameter.name], -bound, bound)
    if not start or next(iter(parameters.values())).is_meta:
        return
    declared = {p.name: p for p in graph.parameters}
    random = np.random.default_rng(int(torch.randint(2**62, (), device="cpu")))
    drawn: dict[str, Array] = {}
    for key, rule in start.items():
        name, _, only = key.partition(".")
        if name not in declared:
            continue  # a bias of a layer without biases
        parameter, stored = declared[name], parameters[name]
        for index, gate in enumerate(parameter.gates or ("",)):
            if only not in ("", gate) or (not only and f"{name}.{gate}" in start):
                continue
            part = stored.chunk(len(parameter.gates))[index] if gate else stored
            values = _drawn(rule, parameter, tuple(part.shape), random, drawn)
            drawn[f"{name}.{gate}" if gate else name] = values
            part.copy_(torch.from_numpy(np.array(values)))


def _drawn(
    rule: Start, parameter: Parameter, shape: tuple[int, ...], random: np.random.Generator, drawn: Mapping[str, Array]
) -> Array:
    if is_block_diagonal(parameter.shape):
        rows, width = shape
        return np.concatenate([rule.draw((width, width), random, drawn) for _ in range(rows // width)])
    return np.asarray(rule.draw(shape, random, drawn), dtype=np.float64).reshape(shape)
