"""A tangent whose coefficients are read is the tangent; nothing of the page's own is left in it."""

import numpy as np
import pytest

from tests.passes.test_tangent import lines, plain, values_for
from unspool.cells import built_in
from unspool.ir import Apply, Read, check_graph
from unspool.passes import as_run, tangent, without_coefficients
from unspool.testing.interpreter import evaluate


def test_the_docstrings_example():
    moved = tangent(plain.graph)
    linear, positions = without_coefficients(moved)
    assert lines(linear)[0] == "tangent of plain: k1 [H], δh [H] → δh [H]"
    assert lines(linear)[-1] == "δh' = R @ δh ∘ k1"
    assert [p.name for p in linear.parameters] == ["R"]
    (place,) = positions
    node = moved.nodes[place]
    assert isinstance(node, Apply)
    assert node.operation == "subtract"


@pytest.mark.parametrize("inputs", [(), ("x",)])
@pytest.mark.parametrize("name", built_in())
def test_every_page(name: str, inputs: tuple[str, ...]):
    step = as_run(built_in()[name].graph)
    values, rng = values_for(step, 0), np.random.default_rng(0)
    for variable in (*step.inputs, *step.states):
        values[f"δ{variable.name}"] = rng.normal(size=np.shape(values[variable.name]))
    moved = tangent(step, inputs)
    linear, positions = without_coefficients(moved)
    check_graph(linear)
    expected = evaluate(moved, values, values)
    coefficients = {v.name: expected[p] for v, p in zip(linear.inputs, positions, strict=False)}
    found = evaluate(linear, {**values, **coefficients}, values)
    for one, other in zip(moved.results, linear.results, strict=True):
        np.testing.assert_allclose(found[other], expected[one], rtol=0, atol=1e-13)
    reads = {n.name for n in linear.nodes if isinstance(n, Read)}
    assert reads.isdisjoint(v.name for v in (*step.inputs, *step.states))
