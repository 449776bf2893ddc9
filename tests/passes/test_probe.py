"""A probe changes nothing but lets a state's gradient out."""

import pytest
import torch

from unspool.cells import built_in
from unspool.errors import CellError
from unspool.ir import check_graph
from unspool.lang import Input, Matrix, State, cell, tanh
from unspool.nn import Recurrent
from unspool.passes import as_run
from unspool.passes.probe import PREFIX, probed
from unspool.runtime import unroll


@pytest.mark.parametrize("name", built_in())
def test_a_probed_page_is_a_page(name: str):
    graph = as_run(built_in()[name].graph)
    found = check_graph(probed(graph))
    assert [v.name for v in found.inputs[len(graph.inputs) :]] == [PREFIX + s.name for s in graph.states]


@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_zeros_change_nothing_and_ones_are_added(backend: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", backend)
    torch.manual_seed(0)
    layer, x = Recurrent("lstm", 2, 3), torch.randn(4, 1, 2)
    graph, parameters = layer.graph, layer.layer_parameters(0)
    initial = [torch.zeros(1, 3), torch.zeros(1, 3)]
    none = {PREFIX + s: torch.zeros(4, 1, 3) for s in "hc"}
    output, _ = unroll(probed(graph), {"x": x, **none}, parameters, initial)
    expected, final = unroll(graph, {"x": x}, parameters, initial)
    assert torch.allclose(output, expected)
    last = {name: probe.clone() for name, probe in none.items()}
    last["probe_c"][-1] = 1
    output, changed = unroll(probed(graph), {"x": x, **last}, parameters, initial)
    assert torch.allclose(changed[1], final[1] + 1)
    assert torch.allclose(output, expected)  # the output is h, which was computed before


def test_an_output_that_is_a_state_is_returned_with_its_probe():
    layer = Recurrent("elman", 2, 3)
    probe = torch.ones(1, 1, 3)
    graph, parameters = layer.graph, layer.layer_parameters(0)
    inputs = {"x": torch.zeros(1, 1, 2)}
    output, (h,) = unroll(probed(graph), {**inputs, "probe_h": probe}, parameters, [torch.zeros(1, 3)])
    expected, _ = unroll(graph, inputs, parameters, [torch.zeros(1, 3)])
    assert torch.allclose(output, expected + 1)
    assert torch.equal(h, output[0])


def test_a_name_that_is_taken_is_refused():
    @cell
    def clash(x: Input, h: State, *, probe_h: Matrix[Input], R: Matrix[State]) -> State:
        return tanh(probe_h @ x + R @ h)

    with pytest.raises(CellError, match="'probe_h'"):
        probed(clash.graph)
