"""The right-hand side of an equation as a tree; what stands in brackets keeps them, so that it prints as written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """`0.25`."""

    text: str

    @property
    def value(self) -> float:
        """The number."""
        return float(self.text)


@dataclass(frozen=True)
class Name:
    """`h`, `h'`, `W_r`, `γ`.

    Attributes:
        text: without its prime.
        is_next: whether it has one: h' is the next h.
    """

    text: str
    is_next: bool = False

    def __str__(self) -> str:
        return self.text + "'" * self.is_next

    @property
    def base(self) -> str:
        """What stands before the first `_`: W of `W_r`."""
        return self.text.partition("_")[0]

    @property
    def subscript(self) -> str:
        """What stands behind it: r of `W_r`, "" of `W`."""
        return self.text.partition("_")[2]


@dataclass(frozen=True)
class Call:
    """`tanh(…)`, `max(…, …)`; |v| is `abs`."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Bracket:
    """`(…)` or `[…]`."""

    inner: Expression
    opening: str = "("


@dataclass(frozen=True)
class Negate:
    """`−v`."""

    inner: Expression


@dataclass(frozen=True)
class Binary:
    """Two sides of `+`, `−`, `∘` (unit by unit), `/`, or of `@`: a product written by juxtaposition, `W x`, `2 h`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Power:
    """`v ** 2`, `v²`."""

    base: Expression
    exponent: Expression


@dataclass(frozen=True)
class Transpose:
    """`Aᵀ`."""

    matrix: Expression


Expression = Number | Name | Call | Bracket | Negate | Binary | Power | Transpose
