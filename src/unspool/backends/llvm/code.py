"""What every generated function has: its words as values, the sizes, and how products are tiled."""

from __future__ import annotations

from llvmlite import ir

from unspool.backends.llvm.arguments import Arguments
from unspool.backends.llvm.building import I64, POINTER, Builder, Value, at, load, number, smaller, within
from unspool.backends.llvm.target import Target
from unspool.backends.llvm.tiling import Tiling, tiling_of
from unspool.ir.sizes import is_block_diagonal, plain_letters
from unspool.passes.stages import Group, Stage

KINDS: dict[str, ir.Type] = {"float32": ir.FloatType(), "float64": ir.DoubleType()}


class Code:
    """A function over the words, with what all of them need."""

    name = ""

    def __init__(self, module: ir.Module, arguments: Arguments, dtype: str, target: Target) -> None:
        self.module, self.arguments, self.schedule = module, arguments, arguments.schedule
        self.sweep, self.target, self.dtype, self.kind = arguments.sweep, target, dtype, KINDS[dtype]
        self.item = 4 if dtype == "float32" else 8
        self.lanes = target.lanes(self.item)
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER]), self.name)
        self.b: Builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self._words: dict[str, Value] = {}
        self._pointers: dict[str, Value] = {}
        # Every word is loaded at the entry, so that it dominates its uses.
        self._entry = self.b.block

    def word(self, name: str) -> Value:
        """A word of the arguments."""
        if name not in self._words:
            with within(self.b, self._entry):
                self._words[name] = load(self.b, self._address(name), I64, 8, name.replace(" ", "_"))
        return self._words[name]

    def pointer(self, name: str) -> Value:
        """A word that is an address."""
        if name not in self._pointers:
            word = self.word(name)
            with within(self.b, self._entry):
                self._pointers[name] = self.b.inttoptr(word, POINTER)
        return self._pointers[name]

    def size(self, size: str) -> Value:
        """Units of a vector of `size`: a letter, or H/N."""
        whole, *divisors = (self.word(f"size {letter}") for letter in plain_letters(size))
        for divisor in divisors:
            whole = self.b.sdiv(whole, divisor)
        return whole

    @property
    def streams(self) -> bool:
        """Whether there is code that writes around the caches: for whole lines, of which there is no partial one.

        Not in an adjoint, whose products afterwards read what it writes at once.
        """
        return self.target.has_line_vectors and not self.arguments.is_adjoint

    def tiling(self, stage: Stage, group: Group) -> Tiling:
        """How a group of products is tiled."""
        return tiling_of(stage, group, self.dtype, self.target)

    def panel_depth(self, stage: Stage, group: Group, term: int) -> Value:
        """K of one panel: all of the operand, or for block-diagonal matrices as much as a block of units can need."""
        part = group.terms[term][0]
        columns = part.weight.shape[0 if part.transposed else 1]
        if not is_block_diagonal(part.weight.shape):
            return self.size(columns)
        whole, width = self.size(part.weight.shape[0]), self.size(part.weight.shape[1])
        spanned = self.b.add(self.b.sdiv(number(self.tiling(stage, group).block - 1), width), number(2))
        return smaller(self.b, whole, self.b.mul(spanned, width))

    def span(self, stage: Stage, group: Group, term: int, first: Value) -> tuple[Value, Value]:
        """(first k, number of k) that a block of units from `first` on needs."""
        weight = group.terms[term][0].weight
        if not is_block_diagonal(weight.shape):
            return number(0), self.panel_depth(stage, group, term)
        b, whole, width = self.b, self.size(weight.shape[0]), self.size(weight.shape[1])
        last = smaller(b, b.add(first, number(self.tiling(stage, group).block - 1)), b.sub(whole, number(1)))
        start = b.mul(b.sdiv(first, width), width)
        stop = b.mul(b.add(b.sdiv(last, width), number(1)), width)
        return start, b.sub(stop, start)

    def _address(self, name: str) -> Value:
        return at(self.b, self.function.args[0], number(self.arguments.index[name]), I64)
