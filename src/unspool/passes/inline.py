"""Inline: products of an input of few features come back into the loop.

A product before the loop is written to memory and read again at every step; of few features it is little work, and that
traffic is most of its time. Where there are products with the state it joins them, a few more steps of a sum that is
computed anyway:

    before   b + W@x + R h         one product; W@x is read, [T, B, n·H]
    after    (W x + R h) + b       one product of [x, h] with [W, R]; x is read, [T, B, I]

Where not all of them can be joined (a candidate that is reset after the product, a norm of R h alone, W x that is read
again), or where a step has no product at all, they stay apart, as one product of x beside the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from unspool.ir import Apply, GraphBuilder, Read, Weight
from unspool.passes.sweep import Sweep


class Inlined(NamedTuple):
    """A sweep with the products before it inside.

    Attributes:
        sweep: the sweep.
        is_joined: whether they are parts of sums that are computed anyway.
    """

    sweep: Sweep
    is_joined: bool


def inline(sweep: Sweep, products: Mapping[str, tuple[Weight, Read]], kept: Collection[str] = ()) -> Inlined | None:
    """The sweep with these products in it; None where it reads none of them.

    Args:
        sweep: the loop.
        products: what it reads of products before it → the matrix and the input.
        kept: those that are read again after it, which it writes.
    """
    reads = {n.name: p for p, n in enumerate(sweep.nodes) if isinstance(n, Read) and n.name in products}
    if not reads:
        return None
    if not kept:
        together, joined = _with(sweep, products, kept, join=True)
        if joined == set(reads.values()):
            return Inlined(together, is_joined=True)
    return Inlined(_with(sweep, products, kept, join=False)[0], is_joined=False)


def _with(
    sweep: Sweep, products: Mapping[str, tuple[Weight, Read]], kept: Collection[str], *, join: bool
) -> tuple[Sweep, set[int]]:
    """The sweep with the products, and the positions of those that have joined others."""
    users = Counter(a for n in sweep.nodes if isinstance(n, Apply) for a in n.arguments) + Counter(sweep.results)
    builder, moved = GraphBuilder(), dict[int, int]()
    joined: set[int] = set()

    def terms(position: int) -> list[int]:
        """What is added up in a sum that nothing else uses."""
        node = sweep.nodes[position]
        if isinstance(node, Apply) and node.operation == "add":
            parts = [terms(a) if users[a] == 1 else [a] for a in node.arguments]
            return [*parts[0], *parts[1]]
        return [position]

    def is_product(position: int) -> bool:
        node = sweep.nodes[position]
        return isinstance(node, Apply) and node.operation == "product" and users[position] == 1

    def is_inlined(position: int) -> bool:
        node = sweep.nodes[position]
        return isinstance(node, Read) and node.name in products

    def place(position: int) -> int:
        if position not in moved:
            moved[position] = _place(position)
        return moved[position]

    def _place(position: int) -> int:
        node = sweep.nodes[position]
        if isinstance(node, Read) and node.name in products:
            matrix, x = products[node.name]
            return builder.apply("product", builder.add(matrix), builder.add(x))
        if not isinstance(node, Apply):
            return builder.add(node)
        if node.operation != "add":
            return builder.apply(node.operation, *(place(a) for a in node.arguments))
        parts = terms(position)
        inlined = [p for p in parts if is_inlined(p) and users[p] == 1]
        inside = [p for p in parts if is_product(p)]
        if join and inlined and inside:
            joined.update(inlined)
            others = [p for p in parts if p not in inlined and p not in inside]
            parts = [*inlined, *inside, *others]
        else:
            parts = list(node.arguments)
        total = place(parts[0])
        for part in parts[1:]:
            total = builder.apply("add", total, place(part))
        return total

    next_states = tuple(place(p) for p in sweep.next_states)
    reads = {n.name: p for p, n in enumerate(sweep.nodes) if isinstance(n, Read)}
    writes = tuple((name, place(p)) for name, p in (*sweep.writes, *((name, reads[name]) for name in kept)))
    names = tuple(sorted((moved[p], name) for p, name in sweep.names if p in moved))
    return replace(sweep, nodes=tuple(builder.nodes), next_states=next_states, writes=writes, names=names), joined
