"""Names for reading: the loop and its adjoint in the letters of the page.

Passes name what they cannot find on the page by its place, as v#23. Here every value gets the page's name, or is
written out, or is called v1, v2 …: the same in the plan, in the adjoint and in the comments of generated code.

    before   ∂W@x.z = ∂z ∘ (z ∘ (1 − z))        z = v#8, read from what the forward sweep saved
    after    δz = ∂z ∘ (z ∘ (1 − z));  ∂(W.z @ x) = δz

δz is the gradient of what σ, tanh … is applied to for z; ∂h⁺ is what the step after, in time, sends back to h'.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from unspool.ir import Apply, GraphBuilder, Read, Variable, Weight
from unspool.ir.print import with_fresh_names, written
from unspool.passes.fold import Folded, fold
from unspool.passes.hoist import hoistable
from unspool.passes.plan import Plan
from unspool.passes.save import Training, plan_training
from unspool.passes.sweep import Sweep, weight_name

_ARGUMENT = "\0"
"""Begins the name of what a function is applied to; its gradient is then δ of the function's result."""

_FUNCTIONS = frozenset({"sigmoid", "tanh", "relu", "softplus", "exp", "log", "sqrt", "abs", "sin", "cos"})


@dataclass(frozen=True)
class Reading:
    """A cell's sweeps, and what a reader calls their values.

    Attributes:
        folded: the plan, cut for a kernel.
        origins: position in the forward sweep → position in the plan's graph.
        names: position in the plan's graph → name.
        training: the sweeps of training, their values named.
    """

    folded: Folded
    origins: dict[int, int]
    names: dict[int, str]
    training: Training

    @cached_property
    def texts(self) -> list[str]:
        """Every value of the plan's graph as an expression."""
        return written(self.folded.plan.graph.nodes, self.names)

    def shown(self, position: int) -> str:
        """A value of the plan's graph by its name, or as an expression."""
        return self.names.get(position, self.texts[position])

    @cached_property
    def saved(self) -> dict[str, str]:
        """What is saved: its name in the sweeps → its name for reading, in the order of the page."""
        forward = self.training.forward
        positions = sorted((self.origins[p], n) for n, p in forward.writes if n in self.training.saved)
        return {n: self.shown(p) for p, n in positions}

    @cached_property
    def written(self) -> dict[str, str]:
        """What the loop writes for the epilogue and the output: its name there → its name for reading."""
        return {n: self.shown(self.origins[p]) for n, p in self.folded.forward.writes}

    def changes(self, position: int) -> bool:
        """Whether a value of the plan's graph differs from step to step."""
        return position in self.folded.plan.timed or position not in hoistable(self.folded.plan.graph)

    @cached_property
    def computed_again(self) -> tuple[str, ...]:
        """Names of the values that the adjoint computes again."""
        graph, adjoint = self.folded.plan.graph, self.training.adjoint
        found = {n for p, n in adjoint.names if isinstance(adjoint.nodes[p], Apply)}
        return tuple(n for p, n in sorted(self.names.items()) if n in found and isinstance(graph.nodes[p], Apply))

    @cached_property
    def commented(self) -> Training:
        """The sweeps as a backend takes them, with the names that the comments in its code are to have."""
        respelling = _Respelling(self)

        def named(sweep: Sweep) -> Sweep:
            names = {p: n.replace(f"∂{_ARGUMENT}", "δ") for p, n in sweep.names}
            names = {p: n for p, n in names.items() if not n.startswith(_ARGUMENT)}
            for position, node in enumerate(sweep.nodes):
                if isinstance(node, Read | Weight) and len(node.shape) < 2:
                    text = respelling.spelled(_name(node))
                    names[position] = f"({text})" if " + " in text or " − " in text else text
            return replace(sweep, names=tuple(sorted(names.items())))

        return replace(self.training, forward=named(self.training.forward), adjoint=named(self.training.adjoint))

    @cached_property
    def adjoint(self) -> tuple[Sweep, tuple[tuple[str, int, str], ...]]:
        """The adjoint sweep in the page's letters, and (matrix, position of delta, operand) of deferred gradients."""
        return _Respelling(self).adjoint()


def reading(plan: Plan) -> Reading:
    """`plan` for reading."""
    folded = fold(plan)
    graph, forward = plan.graph, folded.forward
    origins = _origins(folded)
    names = {p: n for p, n in graph.names if isinstance(graph.nodes[p], Apply)}
    for state, result in zip(graph.states, graph.next_states, strict=True):
        if isinstance(graph.nodes[result], Apply) and not names.get(result, "").endswith("'"):
            names[result] = f"{state.name}'"
    products = [p.names for p in folded.products]
    training = plan_training(forward, products)
    saved = [origins[p] for n, p in training.forward.writes if n in training.saved]
    names = with_fresh_names(graph.nodes, names, [*graph.results, *saved, *saved])
    here = {p: names[o] for p, o in origins.items() if o in names and isinstance(forward.nodes[p], Apply)}
    named = replace(forward, names=tuple(sorted((here | _arguments(forward, here)).items())))
    training = plan_training(named, products)
    return Reading(folded, origins, names, training)


def _origins(folded: Folded) -> dict[int, int]:
    graph, forward = folded.plan.graph, folded.forward
    origins: dict[int, int] = {}
    todo = [*zip(forward.next_states, graph.next_states, strict=True)]
    todo += [(p, kept) for (_, p), kept in zip(forward.writes, folded.kept, strict=True)]
    while todo:
        here, there = todo.pop()
        if here not in origins:
            origins[here] = there
            node, origin = forward.nodes[here], graph.nodes[there]
            if isinstance(node, Apply) and isinstance(origin, Apply):
                todo += zip(node.arguments, origin.arguments, strict=True)
    return origins


def _arguments(forward: Sweep, names: dict[int, str]) -> dict[int, str]:
    """Marks of what functions with a named result are applied to, where nothing else uses it."""
    users: dict[int, list[int]] = {}
    for position, node in enumerate(forward.nodes):
        for argument in node.arguments if isinstance(node, Apply) else ():
            users.setdefault(argument, []).append(position)
    return {
        node.arguments[0]: f"{_ARGUMENT}{names[position]}"
        for position, node in enumerate(forward.nodes)
        if isinstance(node, Apply)
        and node.operation in _FUNCTIONS
        and position in names
        and users[node.arguments[0]] == [position]
        and isinstance(forward.nodes[node.arguments[0]], Apply)
        and node.arguments[0] not in names
    }


class _Respelling:
    """Writes the adjoint anew with the expressions and names of the page."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.sweep = reading, reading.training.adjoint
        self.graph = reading.folded.plan.graph
        self.builder = GraphBuilder()
        self.moved: dict[int, int] = {}
        self.placed: dict[int, int] = {}
        self.states = {s.name for s in self.sweep.states}
        self.reads = self._reads()
        forward, origins = reading.training.forward, reading.origins
        # What a sweep reads and takes as weights: its name there → its position in the plan's graph.
        self.given = dict(reading.folded.sources) | dict(reading.folded.constants)
        self.given |= {name: origins[p] for name, p in forward.writes}

    def adjoint(self) -> tuple[Sweep, tuple[tuple[str, int, str], ...]]:
        """See `Reading.adjoint`."""
        sweep, training = self.sweep, self.reading.training
        positions = {p for p, _ in sweep.names} | set(sweep.results)
        for position in sorted(positions):
            self.place(position)
        deltas = dict(sweep.writes)
        own = {d.delta for d in training.deferred if d.delta.startswith("∂#")}
        names: dict[int, str] = {}
        for position, name in sweep.names:
            if isinstance(sweep.nodes[position], Apply) and not name.startswith(_ARGUMENT):
                names[self.moved[position]] = name.replace(f"∂{_ARGUMENT}", "δ")
        writes = tuple((self._gradient(n), self.moved[p]) for n, p in sweep.writes if n not in own)
        places = dict(sweep.sums)
        sums = tuple((self._gradient(n), self.moved[places[shared]]) for n, shared in training.totals)
        deferred = tuple(
            (weight_name(d.weight), self.moved[deltas[d.delta]], self.spelled(d.operand)) for d in training.deferred
        )
        after = [p for _, p, _ in deferred]
        results = [self.moved[p] for p in sweep.next_states]
        nodes = tuple(self.builder.nodes)
        taken = set(self.reading.names.values())
        names = with_fresh_names(
            nodes, names, [*results, *(p for _, p in writes), *(p for _, p in sums), *after], letter="e", taken=taken
        )
        final = replace(
            sweep,
            nodes=nodes,
            states=tuple(Variable(f"{s.name}⁺", s.size) for s in sweep.states),
            next_states=tuple(results),
            writes=writes,
            sums=sums,
            shifted=frozenset(),
            names=tuple(sorted(names.items())),
        )
        return final, deferred

    def place(self, position: int) -> int:
        """Position of a value of the adjoint in the page's letters."""
        if position not in self.moved:
            node = self.sweep.nodes[position]
            if isinstance(node, Read) and node.name in self.reads:
                placed = self.builder.add(Read(self.reads[node.name], node.shape))
            elif isinstance(node, Read | Weight) and (name := _name(node)) in self.given:
                placed = self._page(self.given[name])
            elif isinstance(node, Apply):
                placed = self.builder.apply(node.operation, *(self.place(a) for a in node.arguments))
            else:
                placed = self.builder.add(node)
            self.moved[position] = placed
        return self.moved[position]

    def spelled(self, name: str) -> str:
        """What the adjoint reads by `name`, for reading."""
        if name in self.given:
            return self.reading.shown(self.given[name])
        return self.reads.get(name, name)

    def _page(self, position: int) -> int:
        """A value of the forward pass: by its name, or as an expression."""
        if position not in self.placed:
            node = self.graph.nodes[position]
            if position in self.reading.names:
                placed = self.builder.add(Read(self.reading.names[position], node.shape))
            elif isinstance(node, Apply):
                placed = self.builder.apply(node.operation, *(self._page(a) for a in node.arguments))
            else:
                placed = self.builder.add(node)
            self.placed[position] = placed
        return self.placed[position]

    def _reads(self) -> dict[str, str]:
        """What the adjoint is given: its name there → its name for reading."""
        reads = {name: f"{name}⁺" for name in self.states}
        folded = self.reading.folded
        for (name, _), kept in zip(folded.forward.writes, folded.kept, strict=True):
            reads[f"∂{name}"] = "∂output" if kept == self.graph.output else f"∂outputs({self.reading.shown(kept)})"
        return reads

    def _gradient(self, name: str) -> str:
        text = self.spelled(name.removeprefix("∂"))
        return f"∂{text}" if not set(text) & set(" (") else f"∂({text})"


def _name(node: Read | Weight) -> str:
    return node.name if isinstance(node, Read) else weight_name(node)
