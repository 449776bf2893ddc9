"""A step's equations, unit by unit: one vector of units of one row at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from llvmlite import ir

from unspool.backends.llvm.building import CONTRACT, POINTER, Builder, Value, at, load, prefetch, splat, within
from unspool.backends.llvm.mathematics import emit
from unspool.ir import Apply, Constant, Read, Weight
from unspool.passes.sweep import Sweep, weight_name

_ARITHMETIC: dict[str, Callable[..., Value]] = {
    "add": lambda b, x, y: b.fadd(x, y, flags=CONTRACT),
    "subtract": lambda b, x, y: b.fsub(x, y, flags=CONTRACT),
    "multiply": lambda b, x, y: b.fmul(x, y, flags=CONTRACT),
    "divide": lambda b, x, y: b.fdiv(x, y),
}


@dataclass
class Places:
    """Where the values of a row are, while one of its vectors is computed.

    Attributes:
        address: name of a word of `Arguments`, or of a state or stream → address of the row's first unit.
        ahead: name of a stream → the same at the next step.
        sizes: size letter → number of units.
        numbers: position → address of the row's number, for reductions.
        before: the block before its units, where numbers are computed: once for all of them.
        known: position → address of the row's first unit, for values in the workspace.
        block: position → address of the current block's accumulators of this row.
        computed: position → value, of the numbers that have been.
    """

    address: Callable[[str], Value]
    ahead: Callable[[str], Value]
    sizes: Callable[[str], Value]
    numbers: dict[int, Value]
    before: Value
    known: dict[int, Value] = field(default_factory=dict)
    block: dict[int, Value] = field(default_factory=dict)
    computed: dict[int, Value] = field(default_factory=dict)


class Vector:
    """Computes values for the units j, j + 1, … of one row; each value once.

    Args:
        b: where to write it.
        sweep: the equations.
        kind: type of a number.
        lanes: units at once.
        unit: j.
        inside: unit − the block's first unit, for the accumulators.
        mask: which lanes are units, where some are not.
        places: see `Places`.
        comments: position → the equation that gives it, written into the code.
    """

    def __init__(
        self,
        b: Builder,
        sweep: Sweep,
        kind: ir.Type,
        lanes: int,
        unit: Value,
        inside: Value | None,
        mask: Value | None,
        places: Places,
        comments: Mapping[int, str],
    ) -> None:
        self.b, self.sweep, self.kind, self.lanes = b, sweep, kind, lanes
        self.unit, self.inside, self.mask, self.places = unit, inside, mask, places
        self.vector = ir.VectorType(kind, lanes)
        self.item = 4 if kind == ir.FloatType() else 8
        self.comments = comments
        self._values: dict[int, Value] = {}

    def value(self, position: int) -> Value:
        """The value at `position`; a number in every lane."""
        is_number = not self.sweep.nodes[position].shape
        values = self.places.computed if is_number else self._values
        if position not in values:
            with within(self.b, self.places.before if is_number else self.b.block):
                values[position] = self._compute(position)
        return values[position]

    def store(self, value: Value, row: Value, outside: bool) -> None:
        """Store a vector in a row; only the units there are, where the row lies `outside` the padded workspace."""
        address = at(self.b, row, self.unit, self.kind)
        if self.mask is None or not outside:
            self.b.store(value, address, align=self.item)
            return
        name = f"llvm.masked.store.v{self.lanes}{self._letter}.p0"
        kind = ir.FunctionType(ir.VoidType(), [self.vector, POINTER, ir.IntType(32), self.mask.type])
        function = self.b.module.globals.get(name) or ir.Function(self.b.module, kind, name)
        self.b.call(function, [value, address, ir.Constant(ir.IntType(32), self.item), self.mask])

    def stream(self, value: Value, row: Value) -> None:
        """Store a whole vector in a row around the caches; its address is a multiple of the vector's size."""
        stored = self.b.store(value, at(self.b, row, self.unit, self.kind), align=self.item * self.lanes)
        stored.set_metadata("nontemporal", self.b.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))

    def load(self, row: Value, outside: bool) -> Value:
        """A vector of a row; zeros in the lanes that are no units, where the row lies `outside` the workspace."""
        address = at(self.b, row, self.unit, self.kind)
        if self.mask is None or not outside:
            return load(self.b, address, self.vector, self.item)
        name = f"llvm.masked.load.v{self.lanes}{self._letter}.p0"
        kind = ir.FunctionType(self.vector, [POINTER, ir.IntType(32), self.mask.type, self.vector])
        function = self.b.module.globals.get(name) or ir.Function(self.b.module, kind, name)
        zero = ir.Constant(self.vector, None)
        return self.b.call(function, [address, ir.Constant(ir.IntType(32), self.item), self.mask, zero])

    def units_only(self, value: Value, other: float) -> Value:
        """`value`, and `other` in the lanes that are no units."""
        if self.mask is None:
            return value
        return self.b.select(self.mask, value, ir.Constant(self.vector, [other] * self.lanes))

    @property
    def _letter(self) -> str:
        return "f32" if self.item == 4 else "f64"

    def _compute(self, position: int) -> Value:
        places, node = self.places, self.sweep.nodes[position]
        if position in places.block:
            assert self.inside is not None
            return load(self.b, at(self.b, places.block[position], self.inside, self.kind), self.vector, self.item)
        if position in places.known:
            return self.load(places.known[position], outside=False)
        if position in places.numbers:
            return self._many(places.numbers[position])
        match node:
            case Constant(value, _):
                return ir.Constant(self.vector, [value] * self.lanes)
            case Read(name, ()):
                return self._many(places.address(f"read {name}"))
            case Read(name, _):
                if name in {s.name for s in self.sweep.states}:
                    return self.load(places.address(f"state {name}"), outside=False)
                # From step to step an adjoint goes backwards through memory, which no processor foresees for long.
                prefetch(self.b, at(self.b, places.ahead(f"read {name}"), self.unit, self.kind), write=False)
                return self.load(places.address(f"read {name}"), outside=True)
            case Weight(_, _, ()):
                return self._many(places.address(f"weight {weight_name(node)}"))
            case Weight():
                return self.load(places.address(f"weight {weight_name(node)}"), outside=True)
            case Apply("size", (argument,), _):
                size = places.sizes(self.sweep.nodes[argument].shape[0])
                return splat(self.b, self.b.sitofp(size, self.kind), self.vector)
            case Apply("spread", (argument, _), _):
                return self.value(argument)
            case Apply(operation, arguments, _):
                values = [self.value(a) for a in arguments]
                if position in self.comments:
                    self.b.comment(self.comments[position])
                if operation in _ARITHMETIC:
                    return _ARITHMETIC[operation](self.b, *values)
                return emit(self.b, operation, *values)

    def _many(self, address: Value) -> Value:
        return splat(self.b, load(self.b, address, self.kind, self.item), self.vector)


def lanes_below(b: Builder, count: Value, lanes: int) -> Value:
    """Mask of the first `count` of `lanes` lanes."""
    places = ir.Constant(ir.VectorType(ir.IntType(64), lanes), list(range(lanes)))
    return b.icmp_signed("<", places, splat(b, count, ir.VectorType(ir.IntType(64), lanes)))


def across(b: Builder, vector: Value, operation: str) -> Value:
    """The sum, or the largest, of a vector's lanes."""
    kind = vector.type
    while kind.count > 1:
        half = kind.count // 2
        low, high = (
            b.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(ir.IntType(32), half), list(places)))
            for places in (range(half), range(half, kind.count))
        )
        vector = b.fadd(low, high) if operation == "sum" else emit(b, "maximum", low, high)
        kind = vector.type
    return b.extract_element(vector, ir.Constant(ir.IntType(32), 0))
