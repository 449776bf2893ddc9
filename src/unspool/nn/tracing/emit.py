"""Writes the step graph of a tape whose vectors have been laid out in pieces."""

import functools
import itertools
import operator
import re
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from torch import fx

from unspool import ir
from unspool.ir import GraphBuilder, Parameter, StepGraph
from unspool.lang import Symbol, maximum
from unspool.nn.tracing.layout import Axis, Layout, Run, axes_of
from unspool.nn.tracing.tape import Elements, Leaf, Matrix, Number, Product, Reduction, Tape, Unitwise, Variable
from unspool.nn.tracing.weights import Piece

Span = tuple[int, int]


class Emitter:
    """Writes pieces of vectors as nodes, and notes where the graph's parameters are found.

    Attributes:
        found: parameter name → its place in the module's tensors.
        spans: variable's name on the tape → (name in the graph, its span), one per piece.
        sizes: size letter → number.
    """

    def __init__(self, tape: Tape, layout: Layout, names: Mapping[fx.Node, str]) -> None:
        self._tape, self._layout, self._names = tape, layout, names
        self._builder = GraphBuilder()
        self._pieces: dict[tuple[int, int], Symbol] = {}  # (vector, start) → its value
        self._parameters: dict[str, Parameter] = {}
        self._stacks: dict[Hashable, dict[int, Symbol]] = {}
        self.found: dict[str, Piece] = {}
        self.spans: dict[str, list[tuple[str, Span]]] = {}
        self.sizes: dict[str, int] = {}

    def graph(self, name: str, output: Elements, following: Sequence[Elements]) -> StepGraph:
        """The step."""
        variables = self._variables()
        for owner in self._layout.live:
            for start, end in self._layout.pieces(owner):
                self._pieces.setdefault((owner, start), self._piece(owner, start, end))
        inputs, states = variables["x"], [v for n, vs in variables.items() if n != "x" for v in vs]
        next_states = []
        for state, elements in zip([n for n in variables if n != "x"], following, strict=True):
            for variable, (_, span) in zip(variables[state], self.spans[state], strict=True):
                next_states.append(self._vector(self._taken(elements, *span), variable.size))
        result = self._output(output)
        return self._builder.finish(
            name, tuple(inputs), tuple(states), tuple(self._parameters.values()),
            tuple(v.position for v in next_states), result.position, {},
        )  # fmt: skip

    def _variables(self) -> dict[str, list[ir.Variable]]:
        variables: dict[str, list[ir.Variable]] = {}
        for owner in self._layout.live:
            origin = self._tape.origins[owner]
            if isinstance(origin, Variable):
                spans = self._layout.pieces(owner)
                names = [origin.name] if len(spans) == 1 else [f"{origin.name}{k}" for k in range(len(spans))]
                self.spans[origin.name] = list(zip(names, spans, strict=True))
                variables[origin.name] = [
                    ir.Variable(n, self._letter(owner, span)) for n, span in zip(names, spans, strict=True)
                ]
                for variable, (start, _) in zip(variables[origin.name], spans, strict=True):
                    self._pieces[owner, start] = Symbol(self._builder, self._builder.read(variable))
        return variables

    def _piece(self, owner: int, start: int, end: int) -> Symbol:
        match self._tape.origins[owner]:
            case Number(value):
                return Symbol(self._builder, self._builder.constant(value))
            case Leaf(node):
                return self._leaf(owner, node)[start]
            case Unitwise(function, arguments):
                given = [self._taken(a, start, end) if isinstance(a, np.ndarray) else a for a in arguments]
                return self._symbol(function(*given))
            case Product(matrix, operand):
                return self._product(matrix, operand, start)
            case Reduction(operation, elements):
                return self._reduction(operation, elements[start])
            case _:
                return self._pieces[owner, start]

    def _product(self, matrix: Matrix, operand: Elements, row: int) -> Symbol:
        _, columns = axes_of(matrix)
        terms = []
        for span in self._layout.pieces(columns):
            value = self._vector(self._taken(operand, *span), self._letter(columns, span))
            weight = self._matrix(matrix, span, self._operand_name(operand, span))[row]
            terms.append(Symbol(self._builder, self._builder.apply("product", weight.position, value.position)))
        return functools.reduce(operator.add, terms)

    def _reduction(self, operation: str, elements: Elements) -> Symbol:
        parts = []
        for run in self._layout.runs(elements):
            for symbol, length in self._parts(run):
                if self._shape(symbol):
                    parts.append(symbol._apply(operation, symbol))
                elif operation == "size":
                    parts.append(self._symbol(length))
                else:
                    parts.append(length * symbol if operation == "sum" and length > 1 else symbol)
        return functools.reduce(maximum if operation == "largest" else operator.add, parts)

    def _output(self, elements: Elements) -> Symbol:
        """One vector; what is in pieces is joined by matrices of zeros and ones."""
        spans = self._layout.pieces("output")
        if len(spans) == 1:
            return self._vector(self._taken(elements, *spans[0]), self._letter("output", spans[0]))
        whole = self._layout.new_letter()
        self.sizes[whole] = len(elements)
        terms = []
        for span in spans:
            letter = self._letter("output", span)
            value = self._vector(self._taken(elements, *span), letter)
            parameter = Parameter(self._unused("place"), (whole, letter), ())
            self.found[parameter.name] = Piece(None, (0, len(elements)), span)
            weight = self._weights(parameter)[0]
            terms.append(Symbol(self._builder, self._builder.apply("product", weight.position, value.position)))
        return functools.reduce(operator.add, terms)

    def _leaf(self, owner: int, node: fx.Node) -> dict[int, Symbol]:
        """Where each piece of a still vector begins, and the piece."""
        if owner not in self._stacks:
            stack = self._stacks[owner] = {}
            for spans, letter in self._groups(owner):
                is_number = self._layout.size(owner) == 1 and owner in self._layout.repeated
                parameter = self._parameter(node, "", () if is_number else (letter,), len(spans))
                self.found[parameter.name] = Piece(node, (spans[0][0], spans[-1][1]), is_number=is_number)
                stack.update(zip((s for s, _ in spans), self._weights(parameter), strict=True))
        return self._stacks[owner]

    def _matrix(self, matrix: Matrix, columns: Span, suffix: str) -> dict[int, Symbol]:
        """Where each piece of a matrix's rows begins, and the piece, of these columns."""
        key = (matrix, columns)
        if key not in self._stacks:
            stack = self._stacks[key] = {}
            rows_axis, columns_axis = axes_of(matrix)
            for spans, letter in self._groups(rows_axis):
                shape = (letter, self._letter(columns_axis, columns))
                parameter = self._parameter(matrix.node, suffix, shape, len(spans))
                rows = (spans[0][0], spans[-1][1])
                self.found[parameter.name] = Piece(matrix.node, rows, columns, matrix.index, matrix.transposed)
                stack.update(zip((s for s, _ in spans), self._weights(parameter), strict=True))
        return self._stacks[key]

    def _groups(self, axis: Axis) -> list[tuple[list[Span], str]]:
        """Neighbouring pieces of one size letter, which are stacked as gates."""
        spans = self._layout.pieces(axis)
        groups = itertools.groupby(spans, lambda span: self._letter(axis, span))
        return [(list(members), letter) for letter, members in groups]

    def _parameter(self, node: fx.Node, suffix: str, shape: tuple[str, ...], gates: int) -> Parameter:
        name = self._unused(_identifier(self._base(node)) + (f"_{suffix}" if suffix else ""))
        return Parameter(name, shape, tuple(f"g{k}" for k in range(gates)) if gates > 1 else ())

    def _weights(self, parameter: Parameter) -> list[Symbol]:
        self._parameters[parameter.name] = parameter
        gates = parameter.gates or (None,)
        return [Symbol(self._builder, self._builder.weight(parameter, gate)) for gate in gates]

    def _base(self, node: fx.Node) -> str:
        """The module's name for what `node` is computed from, as far as the names of several tensors agree."""
        below: set[str] = set()
        todo = [node]
        while todo:
            for source in (current := todo.pop()).all_input_nodes or [current]:
                if source is not current:
                    todo.append(source)
                elif source in self._names:
                    below.add(self._names[source])
        steps = zip(*(name.split(".") for name in below), strict=False)
        shared = itertools.takewhile(lambda step: len(set(step)) == 1, steps)
        return ".".join(step[0] for step in shared) or node.name.strip("_")

    def _unused(self, name: str) -> str:
        taken = {*self._parameters, *(n for spans in self.spans.values() for n, _ in spans)}
        numbered = (f"{name}_{k}" for k in itertools.count(2))
        return next(n for n in itertools.chain([name], numbered) if n not in taken)

    def _operand_name(self, operand: Elements, span: Span) -> str:
        """What these columns of a matrix are multiplied with, to tell the pieces of a matrix apart; "" for the only."""
        if span == (0, len(operand)):
            return ""
        run = self._run(operand, span[0])
        origin = self._tape.origins[run.owner]
        if isinstance(origin, Variable):
            spans = self.spans[origin.name]
            return next((n for n, (a, _) in spans if a == run.start + span[0] - run.at), origin.name)
        return str(span[0])

    def _taken(self, elements: Elements, start: int, end: int) -> Symbol:
        """The piece that is read as `elements[start:end]`."""
        run = self._run(elements, start)
        if run.repeats:
            return self._number(self._pieces[run.owner, run.start])
        del end
        return self._pieces[run.owner, run.start + start - run.at]

    def _parts(self, run: Run) -> list[tuple[Symbol, int]]:
        if run.repeats:
            return [(self._number(self._pieces[run.owner, run.start]), run.length)]
        inside = range(run.start, run.start + run.length)
        return [(self._pieces[run.owner, a], b - a) for a, b in self._layout.pieces(run.owner) if a in inside]

    def _run(self, elements: Elements, at: int) -> Run:
        return next(r for r in self._layout.runs(elements) if r.at <= at < r.at + r.length)

    def _number(self, value: Symbol) -> Symbol:
        """A vector of one unit as a number, which meets every unit of another vector."""
        return value._apply("sum", value) if self._shape(value) else value

    def _vector(self, value: Symbol, letter: str) -> Symbol:
        """A number as a vector of equal units."""
        if self._shape(value):
            return value
        name = f"ones_{letter}"
        if name not in self._parameters:
            self.found[name] = Piece(None, (0, self.sizes[letter]))
            self._weights(Parameter(name, (letter,), ()))
        return value * Symbol(self._builder, self._builder.weight(self._parameters[name]))

    def _letter(self, axis: Axis, span: Span) -> str:
        letter = self._layout.letter(axis, span[0])
        self.sizes[letter] = span[1] - span[0]
        return letter

    def _symbol(self, value: Symbol | float) -> Symbol:
        return value if isinstance(value, Symbol) else Symbol(self._builder, self._builder.constant(value))

    def _shape(self, value: Symbol) -> tuple[str, ...]:
        return self._builder.nodes[value.position].shape


def _identifier(name: str) -> str:
    text = re.sub(r"\W", "_", re.sub(r"parametrizations\.|\.original$", "", name))
    return text if text.isidentifier() else f"p{text}"
