"""The words that declare what a cell reads, carries and learns.

| word | declares |
|---|---|
| `Input` | what comes in at every step, [I] |
| `PerStep` | a number that comes in at every step: a mask, a time step Δt; `forward(…, per_step={"dt": …})`. |
| | With a default, `dt: PerStep = 1.0`, it may be left out |
| `State` | what is carried from step to step, [H] (the units) |
| `Annotated[Symbol, Sized("P")]` | a state of another size, which the layer is told by its letter: `sizes={"P": 16}` |
| `Annotated[Symbol, Blocks("N")]` | the units in N equal blocks, for a block-diagonal `Matrix` or `Gates` |
| `Output` | the type of a last returned value that is the output where it is not the first state |
| `Matrix[X]`, `Map[X, Y]` | a learned matrix from X to the units; from X to Y |
| `Vector`, `Vector[X]`, `Scalar` | a learned vector over the units; of the size of X; a learned number |
| `Gates[X]`, `Gates` | one `Matrix[X]`, one `Vector`, per gate: `W.r`, `b.r`, stored stacked in the gates' order |
| `Fixed[…]` | one of these that is not learned, but keeps the first value that the page gives it (`start=`) |

A matrix may be made of others before it multiplies a vector: `M - M.T`, `gamma * identity(M)`, `R * mask` entry by
entry, `A @ B`, `expm(A - A.T)`. It is computed once per call, before the loop over time, and so is its chain rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from unspool.errors import CellError
from unspool.ir import Apply, GraphBuilder


class Symbol:
    """A value on a cell's page while the page is read: arithmetic on it writes the graph."""

    __slots__ = ("_builder", "position")
    __array_ufunc__ = None  # so that NumPy leaves np.float64(2) * h to this class

    def __init__(self, builder: GraphBuilder, position: int) -> None:
        self._builder = builder
        self.position = position

    def __repr__(self) -> str:
        return f"value [{', '.join(self._builder.nodes[self.position].shape)}]"

    def __add__(self, other: Symbol | float) -> Symbol:
        return self._apply("add", self, other)

    def __radd__(self, other: float) -> Symbol:
        return self._apply("add", other, self)

    def __sub__(self, other: Symbol | float) -> Symbol:
        return self._apply("subtract", self, other)

    def __rsub__(self, other: float) -> Symbol:
        return self._apply("subtract", other, self)

    def __mul__(self, other: Symbol | float) -> Symbol:
        return self._apply("multiply", self, other)

    def __rmul__(self, other: float) -> Symbol:
        return self._apply("multiply", other, self)

    def __truediv__(self, other: Symbol | float) -> Symbol:
        return self._apply("divide", self, other)

    def __rtruediv__(self, other: float) -> Symbol:
        return self._apply("divide", other, self)

    def __pow__(self, exponent: float) -> Symbol:
        return self._apply("power", self, exponent)

    def __matmul__(self, vector: Symbol) -> Symbol:
        return self._apply("product", self, vector)

    @property
    def T(self) -> Symbol:  # noqa: N802 - as everywhere
        """A matrix transposed."""
        return self._apply("transpose", self)

    def __neg__(self) -> Symbol:
        return self._apply("negate", self)

    def __abs__(self) -> Symbol:
        return self._apply("abs", self)

    def __bool__(self) -> bool:
        raise CellError(
            "a cell's page cannot branch on a value (`if`, `and`, `or`, comparisons)",
            hint="write the choice as an equation, for example with maximum, minimum or a gate",
        )

    def __eq__(self, other: object) -> bool:
        return bool(self)  # object's own == would answer False and let the page branch on it

    def __lt__(self, other: object) -> bool:
        return bool(self)

    __le__ = __gt__ = __ge__ = __lt__

    def _apply(self, operation: str, *arguments: Symbol | float) -> Symbol:
        positions = [
            a.position if isinstance(a, Symbol) else self._builder.constant(_number(a, operation)) for a in arguments
        ]
        return Symbol(self._builder, self._builder.apply(operation, *positions))

    @property
    def is_computed(self) -> bool:
        """Whether this is the result of an operation, rather than something read."""
        return isinstance(self._builder.nodes[self.position], Apply)


@dataclass(frozen=True)
class Role:
    """What an annotated symbol is, and its size letter."""

    kind: str
    size: str


def Sized(size: str) -> Role:  # noqa: N802 - it reads as a type in an annotation
    """Marks a state of another size than the units; the layer is told it by its letter: `sizes={"P": 16}`."""
    return Role("state", size)


def Blocks(letter: str) -> Role:  # noqa: N802 - as Sized
    """Marks the units in equal blocks that do not see each other; how many, the layer is told: `sizes={"N": 4}`."""
    return Role("blocks", f"H/{letter}")


Input = Annotated[Symbol, Role("input", "I")]
PerStep = Annotated[Symbol | float, Role("input", "")]
State = Annotated[Symbol, Role("state", "H")]
Output = Annotated[Symbol, Role("output", "")]

X = TypeVar("X")
Y = TypeVar("Y")


Fixed = Annotated[X, Role("fixed", "")]


class Matrix(Symbol, Generic[X]):
    """A learned matrix from X to the units."""

    __slots__ = ()


class Map(Symbol, Generic[X, Y]):
    """A learned matrix from X to Y."""

    __slots__ = ()


class Vector(Symbol, Generic[X]):
    """A learned vector, over the units or of the size of X."""

    __slots__ = ()


class Scalar(Symbol):
    """A learned number."""

    __slots__ = ()


class Gates(Generic[X]):
    """A learned matrix from X to the units, or a learned vector, for each gate; or a value for each, as `R @ h`."""

    def __init__(self, parts: dict[str, Symbol], name: str) -> None:
        self._parts = parts
        self._name = name

    def __repr__(self) -> str:
        return f"{self._name} (of gates {' '.join(self._parts)})"

    def __getattr__(self, gate: str) -> Symbol:
        try:
            return self._parts[gate]
        except KeyError:
            raise CellError(
                f"{self._name}.{gate}: there is no gate '{gate}'",
                hint=f"the gates declared are: {' '.join(self._parts)}",
            ) from None

    def __matmul__(self, vector: Symbol) -> Gates[Any]:
        """One product per gate: `R @ h` holds R.i @ h, R.f @ h, …"""
        return Gates({gate: part @ vector for gate, part in self._parts.items()}, f"({self._name} @ …)")


def _number(value: object, operation: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise CellError(
        f"{operation}: {value!r} is not something a cell's page computes with",
        hint="use inputs, states, parameters, numbers and the functions of unspool.lang",
    )
