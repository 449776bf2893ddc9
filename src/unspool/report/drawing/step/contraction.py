"""Contracts a step graph to the parts that a person can read.

Sums and products unit by unit are gathered, with a sign at what is subtracted or divides by; what meets in a function
is added first; learned vectors that are only added (biases) are left out; what is made of parameters alone is one
label.

    before   r = σ(W.r @ x + b.r + R.r @ h + bR.r)     8 nodes
    after    [W_r] from x and [R_r] from h, both into (σ), which is called r
"""

from unspool.ir import Apply, Constant, Read, StepGraph, Weight
from unspool.ir.operations import OPERATIONS
from unspool.ir.print import written
from unspool.report.drawing.step.parts import Feed, Part, Step

LONG = 16
"""Letters from which an expression of parameters is named by its parameters only."""

_SUMS, _SCALINGS = frozenset({"add", "subtract", "negate"}), frozenset({"multiply", "divide"})


def parts_of(graph: StepGraph) -> Step:
    """The parts of a step."""
    maker = _Maker(graph)
    following = tuple(maker.source(p) for p in graph.next_states)
    output = maker.source(graph.output)
    for state, source in zip(graph.states, following, strict=True):
        if isinstance(source, int):
            maker.names.setdefault(source, f"{state.name}'")
    # In the order of the page: the drawing keeps it where nothing speaks against it.
    order = sorted(range(len(maker.parts)), key=maker.positions.__getitem__)
    moved: dict[int | str, int | str] = {old: new for new, old in enumerate(order)}
    parts = []
    for number in order:
        part = maker.parts[number]
        feeds = tuple(Feed(moved.get(f.source, f.source), f.mark) for f in part.feeds)
        parts.append(Part(part.kind, part.label, feeds, maker.names.get(number, "")))
    results = tuple(moved.get(r, r) for r in (*following, output))
    used = {f.source for p in parts for f in p.feeds} | {*results}
    inputs = tuple(v.name for v in graph.inputs if v.name in used)
    return Step(inputs, tuple(s.name for s in graph.states), tuple(parts), results[:-1], results[-1])


class _Maker:
    """Contracts a graph, from its results backwards."""

    def __init__(self, graph: StepGraph) -> None:
        self.graph = graph
        self.parts: list[Part] = []
        self.positions: list[int] = []
        self.names: dict[int, str] = {}
        self.page = {p: n for p, n in graph.names if isinstance(graph.nodes[p], Apply)}
        self.users = graph.users()
        self.texts = written(graph.nodes, {})
        self.moving, self.stateful = _reached(graph)
        self.sources: dict[int, int | str] = {}
        self.norms: dict[int, int] = {}

    def source(self, position: int) -> int | str:
        """The part or variable that gives the value at `position`."""
        if position not in self.sources:
            node = self.graph.nodes[position]
            before = len(self.parts)
            made = node.name if isinstance(node, Read) else self._made(position)
            if len(self.parts) > before and self.positions[-1] < 0:
                self.positions[-1] = position
            self.sources[position] = made
            name = self.page.get(position)
            if name is not None and isinstance(made, int):
                self.names.setdefault(made, name)
        return self.sources[position]

    def _made(self, position: int) -> int | str:
        node = self.graph.nodes[position]
        if not isinstance(node, Apply) or position not in self.moving:
            return self._add("scale", self._label(position), ())
        if self._is_normalised(position):
            return self._normalised(node.arguments[1])
        if node.operation == "product":
            kind = "product" if node.arguments[1] in self.stateful else "before"
            return self._add(kind, self._label(node.arguments[0]), (Feed(self.source(node.arguments[1])),))
        if node.operation in _SUMS:
            return self._sum(position)
        if node.operation in _SCALINGS:
            return self._scaling(position)
        if node.operation == "spread":
            return self.source(node.arguments[0])
        return self._function(node)

    def _sum(self, position: int) -> int | str:
        terms, constant = self._terms(position)
        feeds = [Feed(self.source(p), mark) for p, mark in terms]
        if len(feeds) > 1:
            return self._add("operation", f"{_number(constant)} +" if constant else "+", tuple(feeds))
        (feed,) = feeds
        if not constant:
            return self._add("operation", "−", (Feed(feed.source),)) if feed.mark else feed.source
        return self._add("operation", f"{_number(constant)} {feed.mark or '+'}", (Feed(feed.source),))

    def _scaling(self, position: int) -> int | str:
        factors, fixed, constant = self._factors(position)
        feeds = [Feed(self.source(p), mark) for p, mark in factors]
        label = self._factor_label(fixed, constant)
        if len(feeds) > 1:
            return self._add("operation", f"{label} ×".strip(), tuple(feeds))
        (feed,) = feeds
        if feed.mark:
            return self._add("operation", f"{label or '1'} /", (Feed(feed.source),))
        if not label:
            return feed.source
        kind, shown = ("scale", label) if fixed else ("operation", f"{label} ×")
        return self._add(kind, shown, (feed,))

    def _function(self, node: Apply) -> int:
        moving = [a for a in node.arguments if a in self.moving]
        label = _function_label(node.operation)
        if len(node.arguments) == 1:
            (argument,) = moving
            if self._is_own(argument) and self._is(argument, _SUMS):
                terms, constant = self._terms(argument)
                if not constant:
                    return self._add("function", label, tuple(Feed(self.source(p), mark) for p, mark in terms))
        elif len(moving) < len(node.arguments):
            form = OPERATIONS[node.operation].form
            label = form.format(*("·" if a in self.moving else self._label(a) for a in node.arguments))
        return self._add("function", label, tuple(Feed(self.source(a)) for a in moving))

    def _normalised(self, deviation: int) -> int:
        """All that is divided by one standard deviation is one part."""
        if deviation not in self.norms:
            users = [u for u in self.users[deviation] if self._is_normalised(u)]
            centred = [self._arguments(self._arguments(u)[0])[0] for u in users]
            feeds = tuple(Feed(self.source(p)) for p in dict.fromkeys(centred))
            self.norms[deviation] = self._add("function", "layer norm", feeds)
            self.positions[-1] = deviation
        return self.norms[deviation]

    def _is_normalised(self, position: int) -> bool:
        """Whether a value is (v − a number) / √(a number), both of them found from vectors: layer normalisation."""
        node = self.graph.nodes[position]
        if not isinstance(node, Apply) or node.operation != "divide":
            return False
        (above, below), nodes = node.arguments, self.graph.nodes
        return (
            self._is(below, frozenset({"sqrt"}))
            and self._is(above, frozenset({"subtract"}))
            and below in self.moving
            and nodes[below].shape == nodes[self._arguments(above)[1]].shape == ()
            and node.shape != ()
        )

    def _arguments(self, position: int) -> tuple[int, ...]:
        node = self.graph.nodes[position]
        return node.arguments if isinstance(node, Apply) else ()

    def _terms(self, position: int, mark: str = "") -> tuple[list[tuple[int, str]], float]:
        """The terms of a sum, each with its sign, and the sum of its constants."""
        terms: list[tuple[int, str]] = []
        constant = 0.0
        node = self.graph.nodes[position]
        operation = node.operation if isinstance(node, Apply) else ""
        for place, argument in enumerate(self._arguments(position)):
            flip = operation == "negate" or (operation == "subtract" and place == 1)
            sign = ("" if mark else "−") if flip else mark
            found = self.graph.nodes[argument]
            if argument not in self.moving:
                constant += (-1 if sign else 1) * found.value if isinstance(found, Constant) else 0.0
            elif self._is(argument, _SUMS) and self._is_own(argument):
                inner, more = self._terms(argument, sign)
                terms += inner
                constant += more
            else:
                terms.append((argument, sign))
        return terms, constant

    def _factors(self, position: int, mark: str = "") -> tuple[list[tuple[int, str]], list[tuple[int, str]], float]:
        """The factors that move and those that are learned, each with its mark; the product of the constants."""
        factors: list[tuple[int, str]] = []
        fixed: list[tuple[int, str]] = []
        constant = 1.0
        divides = self._is(position, frozenset({"divide"}))
        for place, argument in enumerate(self._arguments(position)):
            sign = ("" if mark else "÷") if divides and place == 1 else mark
            found = self.graph.nodes[argument]
            if isinstance(found, Constant):
                constant = constant / found.value if sign else constant * found.value
            elif argument not in self.moving:
                fixed.append((argument, sign))
            elif self._is(argument, _SCALINGS) and self._is_own(argument) and not self._is_normalised(argument):
                inner, more, by = self._factors(argument, sign)
                factors, fixed, constant = factors + inner, fixed + more, constant * by
            else:
                factors.append((argument, sign))
        return factors, fixed, constant

    def _is(self, position: int, operations: frozenset[str]) -> bool:
        node = self.graph.nodes[position]
        return isinstance(node, Apply) and node.operation in operations

    def _is_own(self, position: int) -> bool:
        """Whether a value has no name and one user, so that it can be shown as part of that."""
        return position not in self.page and len(self.users[position]) == 1 and position not in self.graph.results

    def _label(self, position: int) -> str:
        """An expression of parameters and numbers; a long one is shown as a function of its parameters."""
        node = self.graph.nodes[position]
        if isinstance(node, Apply) and node.operation == "size":
            return "".join(self.graph.nodes[node.arguments[0]].shape)
        text = self.page.get(position, self.texts[position])
        if len(text) > LONG:
            found, todo = list[str](), [position]
            while todo:
                here = todo.pop()
                node = self.graph.nodes[here]
                todo += self._arguments(here)
                if isinstance(node, Weight):
                    found.append(node.name if node.gate is None else f"{node.name}.{node.gate}")
            text = f"f({', '.join(sorted(set(found)))})" if found else text
        return text.replace(".", "_") if isinstance(self.graph.nodes[position], Weight) else text

    def _factor_label(self, fixed: list[tuple[int, str]], constant: float) -> str:
        """A product of learned factors and a number."""
        if constant == 1 and len(fixed) == 1 and not fixed[0][1]:
            return self._label(fixed[0][0])
        parts = [] if constant == 1 else [_number(constant)]
        for position, mark in fixed:
            label = self._label(position)
            label = f"({label})" if " + " in label or " − " in label else label
            parts.append(f"1/{label}" if mark else label)
        return " ".join(parts)

    def _add(self, kind: str, label: str, feeds: tuple[Feed, ...]) -> int:
        self.parts.append(Part(kind, label, feeds))
        self.positions.append(-1)
        return len(self.parts) - 1


def _reached(graph: StepGraph) -> tuple[frozenset[int], frozenset[int]]:
    """Positions of what differs from step to step, and of what depends on a state."""
    moving, stateful = set[int](), set[int]()
    states = {s.name for s in graph.states}
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Read):
            moving.add(position)
            stateful |= {position} if node.name in states else set()
        elif isinstance(node, Apply) and node.operation != "size":
            moving |= {position} if moving & set(node.arguments) else set()
            stateful |= {position} if stateful & set(node.arguments) else set()
    return frozenset(moving), frozenset(stateful)


def _function_label(operation: str) -> str:
    """`tanh`, `σ`, `max`: an operation's form without its brackets."""
    return {"sum": "Σ", "largest": "largest", "power": "^"}.get(operation, OPERATIONS[operation].form.split("(")[0])


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
