"""What is saved of a cell comes back: its graph through JSON, and a layer through a model's two files."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from unspool.ir import graph_from_json, graph_to_json
from unspool.lang import Cell
from unspool.nn import Recurrent
from unspool.nn.saved import read_model, rebuilt, write_model
from unspool.runtime.dispatch import BACKENDS, kernel_for
from unspool.testing.case import CASES
from unspool.testing.numbers import layer_of, numbers_of

_KIND = "unspool conformance layer"


def the_graph_survives_json(cell: Cell) -> None:
    """As the page has it and as kernels run it; it is the same key, so that no kernel is made anew for it."""
    run = numbers_of(cell, CASES["plain"]).graph
    for graph in (cell.graph, run):
        again = graph_from_json(json.loads(json.dumps(graph_to_json(graph))))
        if again != graph or hash(again) != hash(graph):
            raise AssertionError(f"{cell.name}: its graph comes back from JSON as another one")
    for backend in BACKENDS:
        if kernel_for(again, backend) is not kernel_for(run, backend):
            raise AssertionError(f"{cell.name}, {backend}: a kernel is made anew for a graph that was read again")


def a_layer_saved_and_loaded_is_the_same(cell: Cell) -> None:
    """Bit by bit, in float32, without the cell's Python."""
    case = CASES["plain"]
    layer, numbers = layer_of(cell, case).float().eval(), numbers_of(cell, case)
    sizes = case.sizes(cell.graph)
    with TemporaryDirectory() as folder:
        record = {"cell": graph_to_json(cell.graph), "sizes": sizes}
        write_model(Path(folder), _KIND, 1, record, layer.state_dict())
        loaded = read_model(folder, _KIND, 1, "check_cell", _layer)
    inputs = {n: v.float().transpose(0, 1) for n, v in numbers.inputs.items()}
    x = inputs.pop(cell.graph.vector_inputs[0].name)
    per_step = {n: v[..., 0] for n, v in inputs.items()}
    with torch.no_grad():
        (output, final), (expected, ends) = (each(x, per_step=per_step) for each in (loaded, layer))
    names = ("output", *(s.name for s in cell.graph.states))
    for name, found, wanted in zip(names, (output, *final), (expected, *ends), strict=True):
        if not torch.equal(found, wanted):
            off = float((found - wanted).abs().max())
            raise AssertionError(f"{cell.name}, float32: {name} of a layer saved and loaded is off by {off:.2g}")


def _layer(record: dict[str, Any], weights: dict[str, Tensor]) -> Recurrent:
    cell, sizes = Cell.from_graph(graph_from_json(record["cell"])), dict(record["sizes"])
    features, units = sizes.pop("I"), sizes.pop("H")
    return rebuilt(lambda: Recurrent(cell, features, units, sizes=sizes), weights)
