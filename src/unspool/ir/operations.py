"""The operations that a step may use: one operation, one line.

A new word of the language starts here; every backend keeps a table with the same keys, and a test
compares them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """An operation's name, its number of arguments, and how it is written (`{0}`, `{1}` stand for arguments)."""

    name: str
    arity: int
    form: str
    binding: int = 9
    """How tightly the written form binds, for brackets: 1 sum, 2 product, 3 sign, 4 power, 9 closed."""


OPERATIONS: dict[str, Operation] = {
    op.name: op
    for op in (
        Operation("add", 2, "{0} + {1}", 1),
        Operation("subtract", 2, "{0} − {1}", 1),
        Operation("multiply", 2, "{0} ∘ {1}", 2),
        Operation("divide", 2, "{0} / {1}", 2),
        Operation("negate", 1, "−{0}", 3),
        Operation("product", 2, "{0} @ {1}", 2),
        Operation("power", 2, "{0} ^ {1}", 4),
        Operation("sigmoid", 1, "σ({0})"),
        Operation("tanh", 1, "tanh({0})"),
        Operation("relu", 1, "relu({0})"),
        Operation("softplus", 1, "softplus({0})"),
        Operation("exp", 1, "exp({0})"),
        Operation("log", 1, "log({0})"),
        Operation("sqrt", 1, "sqrt({0})"),
        Operation("abs", 1, "abs({0})"),
        Operation("sin", 1, "sin({0})"),
        Operation("cos", 1, "cos({0})"),
        Operation("sign", 1, "sign({0})"),
        Operation("maximum", 2, "max({0}, {1})"),
        Operation("minimum", 2, "min({0}, {1})"),
        Operation("sum", 1, "total({0})"),
        Operation("size", 1, "size({0})"),
        Operation("largest", 1, "largest({0})"),
    )
}

DERIVED: dict[str, Operation] = {
    op.name: op for op in (Operation("transpose", 1, "{0}ᵀ"), Operation("spread", 2, "spread({0}, {1})"))
}
"""Operations that only the adjoint of a step uses: a matrix transposed (a block-diagonal one block by block), and a
number repeated for every unit of a vector."""

MATRICES: dict[str, Operation] = {
    op.name: op
    for op in (
        Operation("expm", 1, "expm({0})"),
        Operation("identity", 1, "I({0})"),
    )
}
"""Square matrix → matrix: the exponential, and the identity of its size. With the pointwise operations, `transpose` and
`product` they make a matrix out of learned ones (`passes.parametrise`); no kernel sees them."""

REDUCTIONS = frozenset({"sum", "size", "largest"})
"""Vector → number, over its units: the sum, how many there are, the largest. Every other operation but the product
works unit by unit. At a tie the derivative of the largest is shared equally; that of a sign is zero everywhere."""
