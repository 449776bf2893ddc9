"""Stages: dependent products in order, what is only added in one accumulation, what has one operand in one stack."""

from typing import Annotated

import pytest

from tests.passes.sweeps import folded
from unspool.cells import built_in
from unspool.ir import Apply, StepGraph
from unspool.ir.print import written
from unspool.lang import Blocks, Gates, Input, Map, Matrix, Sized, State, Symbol, cell, layer_norm, relu, tanh
from unspool.passes import as_run
from unspool.passes.save import plan_training
from unspool.passes.stages import MOST_STACKED, Schedule, schedule
from unspool.passes.sweep import Sweep

Narrow = Annotated[Symbol, Sized("P")]
Heads = Annotated[Symbol, Blocks("N")]
SWEEPS = ("forward", "training", "adjoint")


def sweep_of(graph: StepGraph, which: str) -> Sweep:
    forward = folded(graph).forward
    training = plan_training(forward)
    return {"forward": forward, "training": training.forward, "adjoint": training.adjoint}[which]


def stages(graph: StepGraph, which: str = "forward") -> Schedule:
    return schedule(sweep_of(graph, which))


def groups(made: Schedule) -> list[list[tuple[int, int]]]:
    """Per stage, per group: (stacked results, operands added up)."""
    return [[(len(g.results), len(g.terms)) for g in stage.groups] for stage in made.stages]


@pytest.mark.parametrize(
    ("name", "forward", "adjoint"),
    [
        ("elman", [[(1, 1)]], [[], [(1, 1)]]),
        ("lstm", [[(4, 1)]], [[], [(1, 4)]]),
        ("gru", [[(3, 1)]], [[], [(1, 3)]]),
        ("gru_reset_before", [[(2, 1)], [(1, 1)]], [[], [(1, 1), (1, 1)], [(1, 1)]]),
        ("lem", [[(3, 1)], [(1, 1)]], [[], [(1, 1), (1, 1)], [(1, 2)]]),
        ("cornn", [[(1, 2)]], [[], [(2, 1)]]),
        ("lstm_projection", [[(4, 1)], [(1, 1)]], [[], [], [(1, 1)], [(1, 4)]]),
        ("slstm", [[(4, 1)]], [[], [(1, 4)]]),
        ("indrnn", [[]], [[]]),
        ("mingru", [[]], [[]]),
    ],
)
def test_a_pages_products(name: str, forward: list[object], adjoint: list[object]):
    graph = as_run(built_in()[name].graph)
    assert groups(stages(graph)) == forward
    assert groups(stages(graph, "adjoint")) == adjoint


def test_the_docstrings_example():
    """GRU, reset before the product: r, z, r ∘ h in stage 0; n and h' in stage 1."""
    sweep = sweep_of(built_in()["gru_reset_before"].graph, "forward")
    first, second = schedule(sweep).stages
    texts = written(sweep.nodes, dict(sweep.names))
    assert {"r ∘ h", "1 − z", "z ∘ h"} <= {texts[p] for p in first.held}
    (operand,) = {t.operand for g in second.groups for ts in g.terms for t in ts}
    assert operand in first.held
    assert texts[operand] == "r ∘ h"
    assert (first.states, second.states) == ((), (0,))
    assert {t.weight.gate for g in first.groups for ts in g.terms for t in ts} == {"r", "z"}


def test_only_what_never_mixes_units_is_pointwise():
    assert {n for n, page in built_in().items() if stages(as_run(page.graph)).pointwise} == {
        *("brc", "indrnn", "lru", "mingru", "minlstm", "qrnn", "rglru", "sru", "unicornn")
    }


def test_layer_norms_reduce_stage_after_stage():
    """The sums of W x and R h of four gates, then those of their squares; then of the new c likewise; h' comes last."""
    made = stages(built_in()["lstm_layernorm"].graph)
    assert [len(s.reduced) for s in made.stages] == [8, 8, 1, 1, 0]
    assert [s.states for s in made.stages] == [(), (), (1,), (), (0,)]


def test_products_that_are_only_added_are_one_accumulation():
    @cell
    def added(x: Input, h: State, q: State, *, R: Matrix[State], Q: Matrix[State]) -> tuple[State, State]:
        return tanh(R @ h + Q @ q), tanh(q)

    ((group,),) = [stage.groups for stage in stages(added.graph).stages]
    assert [[t.weight.name for t in terms] for terms in group.terms] == [["R"], ["Q"]]


def test_a_product_with_another_use_stands_alone():
    @cell
    def used(x: Input, h: State, q: State, *, R: Matrix[State], Q: Matrix[State]) -> tuple[State, State]:
        a, b = R @ h, Q @ q
        return tanh(a + b), relu(a)

    assert groups(stages(used.graph)) == [[(1, 1), (1, 1)]]


def test_matrices_of_different_kinds_are_not_stacked():
    @cell
    def kinds(x: Input, h: State, q: Narrow, *, R: Matrix[State], D: Matrix[Heads], P: Map[State, Narrow]):
        return tanh(R @ h) * (D @ h), P @ h

    made = stages(kinds.graph)
    assert [(s.number, s.size, groups(made)[i]) for i, s in enumerate(made.stages)] == [
        (0, "H", [(1, 1), (1, 1)]),
        (0, "P", [(1, 1)]),
    ]


def test_a_stack_has_at_most_four_matrices():
    @cell(gates="a b c d e f")
    def wide(x: Input, h: State, *, R: Gates[State]) -> State:
        y = tanh(R.a @ h) * tanh(R.b @ h) * tanh(R.c @ h)
        return y * tanh(R.d @ h) * tanh(R.e @ h) * tanh(R.f @ h)

    assert groups(stages(wide.graph)) == [[(4, 1), (2, 1)]]
    assert MOST_STACKED == 4


def test_what_follows_a_reduction_waits_for_it():
    @cell
    def normed(x: Input, h: State, *, R: Matrix[State]) -> State:
        return R @ layer_norm(h)

    made = stages(normed.graph)
    assert [len(s.reduced) for s in made.stages] == [1, 1, 0, 0]
    assert groups(made) == [[], [], [], [(1, 1)]]


@pytest.mark.parametrize("which", SWEEPS)
@pytest.mark.parametrize("name", built_in())
def test_every_pages_stages_are_in_order(name: str, which: str):
    in_order(schedule(sweep_of(as_run(built_in()[name].graph), which)))


def in_order(made: Schedule) -> None:
    """Everything is stored once; what another stage needs whole is in memory before that stage begins."""
    sweep, nodes = made.sweep, made.sweep.nodes
    assert [s.number for s in made.stages] == sorted(s.number for s in made.stages)
    assert sorted(i for s in made.stages for i in s.states) == list(range(len(sweep.states)))
    assert sorted(i for s in made.stages for i in s.sums) == list(range(len(sweep.sums)))
    writes = [*(i for s in made.stages for i in s.writes), *made.number_writes]
    assert sorted(writes) == list(range(len(sweep.writes)))
    held = {p: s.number for s in made.stages for p in s.held}
    reduced = {p: s.number for s in made.stages for p in s.reduced}
    accumulated = {r: s.number for s in made.stages for g in s.groups for r in g.results}
    for stage in made.stages:
        todo = [*stage.held, *(sweep.next_states[i] for i in stage.states), *(sweep.writes[i][1] for i in stage.writes)]
        todo += [sweep.sums[i][1] for i in stage.sums] + [a for p in stage.reduced for a in arguments(made, p)]
        while todo:
            position = todo.pop()
            if accumulated.get(position) == stage.number:
                continue
            if position in reduced or held.get(position, stage.number) < stage.number:
                assert reduced.get(position, -1) < stage.number
                continue
            node = nodes[position]
            assert not (isinstance(node, Apply) and node.operation in ("product", "sum", "largest")), (stage, node)
            if isinstance(node, Apply) and node.operation not in ("size", "spread"):
                todo += node.arguments
        for group in stage.groups:
            assert len(group.results) <= MOST_STACKED
            for terms in group.terms:
                assert len({(t.operand, t.transposed, t.weight.shape) for t in terms}) == 1
                operand = terms[0].operand
                assert not isinstance(nodes[operand], Apply) or held[operand] < stage.number


def arguments(made: Schedule, position: int) -> tuple[int, ...]:
    node = made.sweep.nodes[position]
    assert isinstance(node, Apply)
    return node.arguments
