"""The grammar of the equations.

sum      = [−] product  { (+ | −) product }
product  = chain        { (∘ | /) chain }
chain    = power        { power }               juxtaposition: W x, R_n (r ∘ h), 2 h, binds before ∘ and /
power    = operand      { ** exponent | ² | ᵀ }
operand  = number | name | function(sum, …) | (sum) | [sum] | |sum|
"""

from unspool.errors import CellError
from unspool.lang.equations.tokens import SUPERSCRIPTS, Token, tokens_of, unreadable
from unspool.lang.equations.tree import Binary, Bracket, Call, Expression, Name, Negate, Number, Power, Transpose

FUNCTIONS: dict[str, tuple[int, ...]] = {
    "σ": (1,),
    "tanh": (1,),
    "relu": (1,),
    "softplus": (1,),
    "exp": (1,),
    "expm": (1,),
    "log": (1,),
    "sqrt": (1,),
    "sin": (1,),
    "cos": (1,),
    "sign": (1,),
    "abs": (1,),
    "max": (2,),
    "min": (2,),
    "total": (1,),
    "mean": (1,),
    "largest": (1,),
    "softmax": (1,),
    "LN": (1, 2),
}
"""The functions of `unspool.lang` as equations write them, and how many arguments each takes."""

_CLOSING = {"(": ")", "[": "]", "|": "|"}


def read_expression(text: str, start: int = 0) -> Expression:
    """The right-hand side of an equation, which begins at `start` in its text, as a tree.

    Raises:
        CellError: it cannot be read; the message quotes it and says where.
    """
    return _Reader(text, start).whole()


class _Reader:
    """Reads the signs from left to right, each once."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.tokens = tokens_of(text, start)
        self.position = 0
        self.open: list[str] = []
        """The brackets that are open; `|` closes the last of them if that was `|`, and opens one otherwise."""

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def whole(self) -> Expression:
        expression = self.sum()
        if self.token.kind != "end":
            raise self.error(f"{self.next()} is not expected here")
        return expression

    def sum(self) -> Expression:
        negated = self.take("−") is not None
        left = self.product()
        left = Negate(left) if negated else left
        while (sign := self.take("+", "−")) is not None:
            left = Binary(sign, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.chain()
        while (sign := self.take("∘", "/")) is not None:
            left = Binary(sign, left, self.chain())
        return left

    def chain(self) -> Expression:
        left = self.power()
        while self.begins_a_factor():
            left = Binary("@", left, self.power())
        return left

    def begins_a_factor(self) -> bool:
        """Whether an operand follows; a number never does, and `|` does where none is open."""
        if self.token.text == "|" and self.open[-1:] == ["|"]:
            return False
        return self.token.kind == "name" or self.token.text in _CLOSING

    def power(self) -> Expression:
        base = self.operand()
        while True:
            if self.take("ᵀ"):
                base = Transpose(base)
            elif self.token.kind == "raised":
                base = Power(base, _raised(self.advance().text))
            elif self.take("**"):
                base = Power(base, self.signed())
            else:
                return base

    def signed(self) -> Expression:
        return Negate(self.operand()) if self.take("−") else self.operand()

    def operand(self) -> Expression:
        token = self.token
        if token.kind == "number":
            return Number(self.advance().text.replace("−", "-"))
        if token.kind == "name":
            name = self.advance().text
            return self.call(name) if name in FUNCTIONS and self.token.text == "(" else _name(name)
        if token.text in _CLOSING:
            (inner,) = self.bracketed()
            return Call("abs", (inner,)) if token.text == "|" else Bracket(inner, token.text)
        raise self.error(f"a value is expected before {self.next()}")

    def call(self, function: str) -> Expression:
        start = self.position
        arguments = self.bracketed(many=True)
        if len(arguments) not in (taken := FUNCTIONS[function]):
            self.position = start
            raise self.error(f"{function}(…) with {len(arguments)} in the brackets, where {taken[0]} belong")
        return Call(function, arguments)

    def bracketed(self, many: bool = False) -> tuple[Expression, ...]:
        """What stands between brackets: one value, or several with commas between them."""
        opening = self.advance().text
        self.open.append(opening)
        found = [self.sum()]
        while many and self.take(","):
            found.append(self.sum())
        self.open.pop()
        if not self.take(_CLOSING[opening]):
            raise self.error(f"'{_CLOSING[opening]}' is expected before {self.next()}")
        return tuple(found)

    def take(self, *signs: str) -> str | None:
        """The next sign if it is one of these."""
        token = self.token
        return self.advance().text if token.kind == "sign" and token.text in signs else None

    def advance(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def next(self) -> str:
        return f"'{self.token.text}'" if self.token.text else "the end"

    def error(self, why: str) -> CellError:
        return unreadable(self.text, self.token.place, why)


def _name(text: str) -> Name:
    return Name(text.rstrip("'′"), text[-1] in "'′")


def _raised(digits: str) -> Expression:
    """`²`, `⁻¹`."""
    plain = digits.translate(str.maketrans(SUPERSCRIPTS, "-0123456789"))
    return Negate(Number(plain[1:])) if plain.startswith("-") else Number(plain)
