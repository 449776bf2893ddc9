"""A plan: which part of a step runs before, inside and after the loop over time.

    prologue   time-parallel: what needs inputs and parameters only, for all T steps at once
    loop       what needs the state, step after step
    epilogue   time-parallel: what the output needs but no next state does

A backend turns a plan into a kernel.
"""

from dataclasses import dataclass

from unspool.ir import Apply, Read, StepGraph
from unspool.ir.build import needed_for
from unspool.passes.hoist import hoistable, regroup_sums
from unspool.passes.simplify import simplify
from unspool.passes.stack import StackedProduct, stack_products

Instruction = int | StackedProduct
"""A node's position, or several products as one."""


@dataclass(frozen=True)
class Plan:
    """How a step runs over time.

    Attributes:
        graph: the simplified, regrouped step; positions below refer to it.
        prologue, loop, epilogue: instructions in order.
        timed: prologue values that differ from step to step (the others depend on parameters only).
        kept: loop values that the epilogue or the output needs from every step.
    """

    graph: StepGraph
    prologue: tuple[Instruction, ...]
    loop: tuple[Instruction, ...]
    epilogue: tuple[Instruction, ...]
    timed: frozenset[int]
    kept: tuple[int, ...]


def make_plan(graph: StepGraph) -> Plan:
    """The plan of `graph`. Cost: linear in the number of nodes, once per cell."""
    graph = simplify(regroup_sums(simplify(graph)))  # regrouping brings numbers together
    before = hoistable(graph)
    inside = needed_for(graph.nodes, graph.next_states) - before
    operations = [p for p, n in enumerate(graph.nodes) if isinstance(n, Apply)]
    after = [p for p in operations if p not in before and p not in inside]
    wanted = {a for p in after for a in _arguments(graph, p)} | {graph.output}
    states = {p for p, n in enumerate(graph.nodes) if isinstance(n, Read)} - before
    return Plan(
        graph=graph,
        prologue=stack_products(graph, [p for p in operations if p in before]),
        loop=stack_products(graph, [p for p in operations if p in inside]),
        epilogue=stack_products(graph, after),
        timed=_timed(graph) & before,
        kept=tuple(sorted(wanted & (inside | states))),
    )


def _arguments(graph: StepGraph, position: int) -> tuple[int, ...]:
    node = graph.nodes[position]
    return node.arguments if isinstance(node, Apply) else ()


def _timed(graph: StepGraph) -> frozenset[int]:
    timed: set[int] = set()
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Read) or any(a in timed for a in _arguments(graph, position)):
            timed.add(position)
    return frozenset(timed)
