"""Where each part of a step runs, and which products become one."""

from typing import Annotated

from unspool.cells import built_in
from unspool.ir import Apply, Read, StepGraph
from unspool.lang import Gates, Input, Map, Matrix, Output, Sized, State, Symbol, Vector, cell, sigmoid, tanh
from unspool.passes import Plan, StackedProduct, hoistable, make_plan, regroup_sums

Small = Annotated[Symbol, Sized("P")]


def products(instructions: tuple[int | StackedProduct, ...]) -> list[int]:
    return [len(i.matrices) for i in instructions if isinstance(i, StackedProduct)]


def operations(plan: Plan, part: str) -> set[str]:
    nodes = [plan.graph.nodes[i] for i in getattr(plan, part) if isinstance(i, int)]
    return {n.operation for n in nodes if isinstance(n, Apply)}


def test_the_grus_plan():
    plan = make_plan(built_in()["gru"].graph)
    assert products(plan.prologue) == products(plan.loop) == [3]
    assert products(plan.epilogue) == []
    assert operations(plan, "prologue") == {"add"}


def test_the_lstms_plan():
    plan = make_plan(built_in()["lstm"].graph)
    assert products(plan.prologue) == products(plan.loop) == [4]


def test_dependent_products_stay_apart_and_in_order():
    @cell(gates="a b")
    def two_stages(x: Input, h: State, *, W: Gates[Input], R: Gates[State]) -> State:
        a = sigmoid(W.a @ x + R.a @ h)
        return tanh(W.b @ x + R.b @ (a * h))

    plan = make_plan(two_stages.graph)
    assert products(plan.prologue) == [2]
    assert products(plan.loop) == [1, 1]


def test_products_with_different_heights_are_not_stacked():
    @cell
    def heights(x: Input, h: State, q: Small, *, R: Matrix[State], P: Map[State, Small]) -> tuple[State, Small]:
        return tanh(R @ h), tanh(P @ h)

    assert products(make_plan(heights.graph).loop) == [1, 1]


def test_a_sum_with_another_use_is_computed_once():
    @cell
    def used_twice(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector) -> State:
        return (R @ h + b) * (R @ h + b + W @ x)

    assert len(regroup_sums(used_twice.graph).nodes) == len(used_twice.graph.nodes)


def test_a_sum_that_the_page_names_is_kept_for_its_other_users():
    @cell
    def named(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector) -> tuple[State, Output]:
        s = R @ h + b
        return tanh(s + W @ x), s

    assert [n for _, n in named.graph.names] == [n for _, n in regroup_sums(named.graph).names] == ["s"]
    assert len(regroup_sums(named.graph).nodes) == len(named.graph.nodes)


def test_a_readout_leaves_the_loop():
    @cell
    def read_out(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], C: Matrix[State]) -> tuple[State, Output]:
        h = tanh(W @ x + R @ h)
        return h, C @ h + sigmoid(W @ x)

    plan = make_plan(read_out.graph)
    assert products(plan.epilogue) == [1]
    assert plan.kept == (plan.graph.next_states[0],)
    assert operations(plan, "prologue") == {"sigmoid"}


def test_an_output_that_is_the_old_state_is_kept():
    @cell
    def delayed(x: Input, h: State, *, W: Matrix[Input]) -> tuple[State, Output]:
        return tanh(W @ x + h), h

    plan = make_plan(delayed.graph)
    assert [plan.graph.nodes[p] for p in plan.kept] == [Read("h", ("H",))]


def test_what_depends_on_no_state_is_hoisted():
    graph = regroup_sums(built_in()["gru"].graph)
    before = hoistable(graph)
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Apply):
            assert (position in before) == all(a in before for a in node.arguments)
    assert not any(isinstance(graph.nodes[p], Read) and graph.nodes[p] == Read("h", ("H",)) for p in before)


def parts_in_order(graph: StepGraph) -> None:
    """Every argument is known before it is used, every operation is done once, and in the right part."""
    plan = make_plan(graph)
    states = {s.name for s in graph.states}
    nodes = plan.graph.nodes
    known = {p for p, n in enumerate(nodes) if not isinstance(n, Apply)}
    hoisted = {p for p in known if not (isinstance(n := nodes[p], Read) and n.name in states)}
    for part in ("prologue", "loop", "epilogue"):
        known = set(hoisted) if part == "prologue" else known | {p for p in range(len(nodes)) if p in hoisted}
        if part == "loop":
            known |= {p for p, n in enumerate(nodes) if isinstance(n, Read)}
        for instruction in getattr(plan, part):
            results = instruction.results if isinstance(instruction, StackedProduct) else (instruction,)
            for result in results:
                node = nodes[result]
                assert isinstance(node, Apply)
                assert result not in known
                assert set(node.arguments) <= known
            known |= set(results)
            if part == "prologue":
                hoisted |= set(results)
    assert set(plan.graph.results) <= known
    assert {p for p, n in enumerate(nodes) if isinstance(n, Apply)} <= known


def test_every_pages_parts_are_in_order():
    for page in built_in().values():
        parts_in_order(page.graph)
