"""Laws of the passes on random cells: no pass changes what a step computes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.passes.test_plan import parts_in_order
from tests.random_cells import Numbers, graphs, numbers_for
from unspool.ir import Apply, Read, StepGraph, check_graph
from unspool.passes import bias_names, make_plan, regroup_sums, rewrite, simplify, stack_products, without_biases
from unspool.testing.interpreter import at_step, evaluate

SEEDS = st.integers(0, 2**32 - 1)


def results(graph: StepGraph, numbers: Numbers) -> tuple[list[np.ndarray], float]:
    """Next states and output of one step, and the size of the largest value on the way."""
    reads = {
        **at_step(graph, numbers.inputs, 0, 0),
        **{s.name: v[0] for s, v in zip(graph.states, numbers.initial, strict=True)},
    }
    values = evaluate(graph, reads, numbers.parameters)
    return [values[p] for p in graph.results], max(float(np.max(np.abs(v))) for v in values)


def same_values(before: StepGraph, after: StepGraph, numbers: Numbers) -> None:
    expected, scale = results(before, numbers)
    found, _ = results(after, numbers)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * max(1.0, scale))


@pytest.mark.parametrize("a_pass", [simplify, regroup_sums, lambda g: make_plan(g).graph])
@settings(max_examples=30)
@given(graph=graphs(), seed=SEEDS)
def test_a_pass_keeps_every_value(a_pass: Callable[[StepGraph], StepGraph], graph: StepGraph, seed: int):
    after = check_graph(a_pass(graph))
    same_values(graph, after, numbers_for(graph, seed))
    assert a_pass(after) == after or a_pass is regroup_sums


@settings(max_examples=30)
@given(graphs())
def test_simplify_adds_no_node(graph: StepGraph):
    assert len(simplify(graph).nodes) <= len(graph.nodes)


@settings(max_examples=30)
@given(graphs())
def test_a_rewrite_without_a_rule_is_the_same_graph(graph: StepGraph):
    assert rewrite(graph, lambda *_: None) == graph


@settings(max_examples=30)
@given(graph=graphs(), seed=SEEDS)
def test_without_biases_is_the_step_with_biases_zero(graph: StepGraph, seed: int):
    numbers = numbers_for(graph, seed)
    biases = bias_names(graph)
    zeroed = {n: np.zeros_like(v) if n in biases else v for n, v in numbers.parameters.items()}
    bare = without_biases(graph)
    assert not {p.name for p in bare.parameters} & biases
    same_values(graph, bare, replace(numbers, parameters=zeroed))


@settings(max_examples=30)
@given(graphs())
def test_sums_put_what_needs_no_state_first(graph: StepGraph):
    after = regroup_sums(graph)
    states = {s.name for s in graph.states}
    depends: list[bool] = []
    users = after.users()
    for position, node in enumerate(after.nodes):
        if isinstance(node, Apply):
            depends.append(any(depends[a] for a in node.arguments))
            if node.operation == "add":
                left, right = node.arguments
                inner = after.nodes[left]
                private = len(users[left]) == 1 and left not in after.results
                named = left in dict(after.names)
                if isinstance(inner, Apply) and inner.operation == "add" and private and not named:
                    # (state + other) + hoistable would keep the hoistable term inside the loop
                    assert not (depends[left] and not depends[right]), position
        else:
            depends.append(isinstance(node, Read) and node.name in states)


@settings(max_examples=30)
@given(graphs())
def test_stacking_covers_each_product_once(graph: StepGraph):
    positions = [p for p, n in enumerate(graph.nodes) if isinstance(n, Apply)]
    done: list[int] = []
    for instruction in stack_products(graph, positions):
        if isinstance(instruction, int):
            done.append(instruction)
            continue
        shapes = {graph.nodes[m].shape for m in instruction.matrices}
        assert len(shapes) == 1
        for matrix, result in zip(instruction.matrices, instruction.results, strict=True):
            node = graph.nodes[result]
            assert isinstance(node, Apply)
            assert node.arguments == (matrix, instruction.operand)
        done.extend(instruction.results)
    assert sorted(done) == positions
    operands = [graph.nodes[p] for p in positions if graph.nodes[p] in graph.nodes]
    assert len(operands) == len(positions)


@settings(max_examples=30)
@given(graphs())
def test_a_plans_parts_are_in_order(graph: StepGraph):
    parts_in_order(graph)
