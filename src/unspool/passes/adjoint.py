"""Adjoint: reverse mode on the step. The adjoint of a step is a step again, run backwards in time.

    forward    h' = tanh(W@x + R @ h)
    adjoint    ∂pre  = (∂h' + ∂y) ∘ (1 − h' ∘ h')      ∂y: gradient of the output at this step
               ∂(W@x) = ∂pre                           written at every step
               ∂h    = Rᵀ ∂pre                         carried to the step before
    after it   ∂R    = Σ_t ∂pre_t h_{t−1}ᵀ             deferred: one product over all steps

`RULES` gives each operation's vector–Jacobian product; one operation, one line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from unspool.ir import Apply, Constant, GraphBuilder, Read, Variable, Weight
from unspool.passes.simplify import simpler_apply
from unspool.passes.sweep import Named, Sweep, weight_name


@dataclass(frozen=True)
class Deferred:
    """A weight gradient that waits until the sweep is over: dM = Σ over steps and sequences of delta ⊗ operand.

    Attributes:
        weight: the matrix.
        delta: position of the gradient of its product.
        operand: position of the vector that it multiplied.
    """

    weight: Weight
    delta: int
    operand: int


@dataclass(frozen=True)
class Adjoint:
    """The adjoint of a sweep before it is decided what the forward sweep saves.

    Attributes:
        sweep: its first nodes are the forward sweep's, at the same positions. It carries `∂h` for each state h,
            reads `∂NAME` for each write of the forward sweep, writes `∂NAME` for each of its reads, and sums `∂NAME`
            for each vector or number among its weights.
        forward_nodes: how many nodes come from the forward sweep.
        deferred: gradients of the matrices.
    """

    sweep: Sweep
    forward_nodes: int
    deferred: tuple[Deferred, ...]


class Term:
    """A value of the adjoint under construction; arithmetic on it adds simplified nodes."""

    def __init__(self, builder: GraphBuilder, position: int) -> None:
        self.builder, self.position = builder, position

    @property
    def shape(self) -> tuple[str, ...]:
        """Size letters: a vector's, or () for a number."""
        return self.builder.nodes[self.position].shape

    def apply(self, operation: str, *others: Term | float) -> Term:
        """`operation` on this value and `others`."""
        arguments = [self.position, *(self._place(o) for o in others)]
        return Term(self.builder, simpler_apply(self.builder, operation, tuple(arguments)))

    def _place(self, other: Term | float) -> int:
        return other.position if isinstance(other, Term) else self.builder.constant(other)

    def _from(self, number: float) -> Term:
        return Term(self.builder, self.builder.constant(number))

    def __add__(self, other: Term | float) -> Term:
        return self.apply("add", other)

    def __sub__(self, other: Term | float) -> Term:
        return self.apply("subtract", other)

    def __rsub__(self, other: float) -> Term:
        return self._from(other).apply("subtract", self)

    def __mul__(self, other: Term | float) -> Term:
        return self.apply("multiply", other)

    def __rmul__(self, other: float) -> Term:
        return self._from(other).apply("multiply", self)

    def __truediv__(self, other: Term | float) -> Term:
        return self.apply("divide", other)

    def __pow__(self, other: Term | float) -> Term:
        return self.apply("power", other)

    def __neg__(self) -> Term:
        return self.apply("negate")


Rule = Callable[..., tuple[Term | None, ...]]
"""(arguments…, result, gradient of the result) → gradient of each argument; None where it is zero everywhere."""

RULES: dict[str, Rule] = {
    "add": lambda a, b, y, d: (d, d),
    "subtract": lambda a, b, y, d: (d, -d),
    "multiply": lambda a, b, y, d: (d * b, d * a),
    "divide": lambda a, b, y, d: (d / b, -(d * y / b)),
    "negate": lambda a, y, d: (-d,),
    "power": lambda a, b, y, d: (d * b * a ** (b - 1.0), None if _number(b) else d * y * a.apply("log")),
    "product": lambda M, u, y, d: (None, M.apply("transpose").apply("product", d)),
    "sigmoid": lambda a, y, d: (d * (y * (1.0 - y)),),
    "tanh": lambda a, y, d: (d * (1.0 - y * y),),
    "relu": lambda a, y, d: (d * y.apply("sign"),),
    "softplus": lambda a, y, d: (d * a.apply("sigmoid"),),
    "exp": lambda a, y, d: (d * y,),
    "log": lambda a, y, d: (d / a,),
    "sqrt": lambda a, y, d: (d / (y + y),),
    "abs": lambda a, y, d: (d * a.apply("sign"),),
    "sign": lambda a, y, d: (None,),
    "sin": lambda a, y, d: (d * a.apply("cos"),),
    "cos": lambda a, y, d: (-(d * a.apply("sin")),),
    "maximum": lambda a, b, y, d: (d * _share(a, b, a - b), d * _share(b, a, b - a)),
    "minimum": lambda a, b, y, d: (d * _share(a, b, b - a), d * _share(b, a, a - b)),
    "sum": lambda a, y, d: (d.apply("spread", a),),
    "size": lambda a, y, d: (None,),
    "largest": lambda a, y, d: (_shared(d, 1.0 - (y - a).apply("sign")),),
    "spread": lambda a, b, y, d: (d, None),
}


def adjoint(forward: Sweep, fixed: Collection[str] = ()) -> Adjoint:
    """The adjoint of `forward`, without the gradients of the reads that are `fixed`.

    Cost: linear in the number of nodes, once per cell.
    """
    builder = GraphBuilder()
    for node in forward.nodes:
        builder.add(node)
    count = len(builder.nodes)
    gradients: dict[int, list[Term]] = {}

    def read(name: str, position: int) -> None:
        node = Read(f"∂{name}", forward.nodes[position].shape)
        gradients.setdefault(position, []).append(Term(builder, builder.add(node)))

    for name, position in forward.writes:
        read(name, position)
    for state, position in zip(forward.states, forward.next_states, strict=True):
        read(state.name, position)
    totals: dict[int, Term] = {}
    wanted = _wanted(forward)
    deferred = []
    for position in reversed(range(count)):
        node = forward.nodes[position]
        if position not in gradients or not wanted[position]:
            continue
        total = totals[position] = _total(builder, position, gradients[position])
        if not isinstance(node, Apply):
            continue
        if node.operation == "product":
            matrix = forward.nodes[node.arguments[0]]
            assert isinstance(matrix, Weight)
            deferred.append(Deferred(matrix, total.position, node.arguments[1]))
        terms = [Term(builder, a) for a in node.arguments]
        found = RULES[node.operation](*terms, Term(builder, position), total)
        for argument, gradient in zip(node.arguments, found, strict=True):
            if gradient is not None:
                gradients.setdefault(argument, []).append(_fitted(builder, forward, argument, gradient))
    return Adjoint(_sweep(forward, builder, totals, fixed), count, tuple(deferred[::-1]))


def _wanted(forward: Sweep) -> list[bool]:
    """Which values a gradient goes through: all but numbers and what is computed from them alone."""
    wanted: list[bool] = []
    for node in forward.nodes:
        through = any(wanted[a] for a in node.arguments) if isinstance(node, Apply) else not isinstance(node, Constant)
        wanted.append(through)
    return wanted


def _sweep(forward: Sweep, builder: GraphBuilder, totals: dict[int, Term], fixed: Collection[str]) -> Sweep:
    zero = builder.constant(0.0)
    places = {n.name: p for p, n in enumerate(forward.nodes) if isinstance(n, Read)}
    next_states = []
    for state in forward.states:
        total = totals.get(places.get(state.name, -1))
        next_states.append(total.position if total else builder.apply("spread", zero, _vector(builder, state)))
    writes: list[Named] = []
    sums: list[Named] = []
    for position, node in enumerate(forward.nodes):
        if position not in totals or isinstance(node, Constant | Apply):
            continue
        if isinstance(node, Read):
            if node.name not in fixed and node.name not in {s.name for s in forward.states}:
                writes.append((f"∂{node.name}", totals[position].position))
        elif len(node.shape) < 2:
            into = sums if totals[position].shape else writes
            into.append((f"∂{weight_name(node)}", totals[position].position))
    return Sweep(
        name=f"adjoint of {forward.name}",
        nodes=tuple(builder.nodes),
        states=tuple(Variable(f"∂{s.name}", s.size) for s in forward.states),
        next_states=tuple(next_states),
        writes=tuple(writes),
        sums=tuple(sums),
        names=_names(forward, totals),
    )


def _vector(builder: GraphBuilder, state: Variable) -> int:
    return builder.add(Read(f"∂{state.name}", (state.size,)))


def _total(builder: GraphBuilder, position: int, terms: list[Term]) -> Term:
    """The sum of what reaches a value; products first, so that they accumulate in registers."""
    products, others, numbers = [], [], []
    if not builder.nodes[position].shape and not all(t.shape for t in terms):
        terms = [t.apply("sum") if t.shape else t for t in terms]
    for term in terms:
        node = builder.nodes[term.position]
        if not term.shape:
            numbers.append(term)
        else:
            (products if isinstance(node, Apply) and node.operation == "product" else others).append(term)
    first, *rest = [*products, *others, *numbers]
    for term in rest:
        first = first + term
    shape = builder.nodes[position].shape
    return first.apply("spread", Term(builder, position)) if shape and not first.shape else first


def _fitted(builder: GraphBuilder, forward: Sweep, argument: int, gradient: Term) -> Term:
    """`gradient` in the shape of the number that it belongs to, where the number was used unit by unit.

    A number that is the same for all sequences is summed after the sweep, together with all steps.
    """
    if forward.nodes[argument].shape or not gradient.shape or not forward.varies[argument]:
        return gradient
    return gradient.apply("sum")


def _names(forward: Sweep, totals: dict[int, Term]) -> tuple[tuple[int, str], ...]:
    """The forward names, and `∂r` for the gradient of r where it is computed by one expression of its own."""
    names = dict(forward.names)
    taken = set(names)
    for position, name in forward.names:
        if position in totals and totals[position].position not in taken:
            names[totals[position].position] = f"∂{name}"
    return tuple(sorted(names.items()))


def _share(mine: Term, other: Term, ahead: Term) -> Term | float:
    """What `mine` gets of the gradient of the extreme of two: all where it is ahead, half where they are equal.

    Against a number it gets all of it there too, as torch.clamp has it.
    """
    if _number(mine):
        return 0.0
    if _number(other):
        return 1.0 - (-ahead).apply("sign").apply("relu")
    return ahead.apply("sign") * 0.5 + 0.5


def _shared(gradient: Term, tied: Term) -> Term:
    """`gradient` in equal parts for the units where `tied` is 1."""
    return gradient / tied.apply("sum") * tied


def _number(term: Term) -> bool:
    return isinstance(term.builder.nodes[term.position], Constant)
