"""Random torch modules that are one step: linear maps, unitwise functions, gates, cuts, joins and norms."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

UNARY: list[Callable[[Tensor], Tensor]] = [
    torch.sigmoid,
    torch.tanh,
    torch.relu,
    functional.silu,
    functional.softplus,
    functional.leaky_relu,
    torch.sin,
    lambda a: a.abs(),
    lambda a: 1 - a,
    lambda a: torch.exp(torch.tanh(a)),
    lambda a: torch.sqrt(0.5 + a * a),
    lambda a: a.clamp(-0.5, 0.7),
    lambda a: a.softmax(-1),
    lambda a: a.mean(-1, keepdim=True),
    lambda a: a / (1 + a.norm(dim=-1, keepdim=True)),
    lambda a: functional.layer_norm(a, a.shape[-1:], eps=0.1),
    lambda a: a.amax(-1, keepdim=True).expand_as(a),
    lambda a: (a > 0.1).to(a) - (a <= -0.2).to(a) * a,
]
BINARY: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: torch.tanh(a) * b,
    lambda a, b: torch.sigmoid(a) * b,
    lambda a, b: a / (1 + b.abs()),
    torch.maximum,
    torch.minimum,
    lambda a, b: a.lerp(b, 0.3),
]
CUTS: list[Callable[[Tensor], Tensor]] = [
    lambda a: a.chunk(2, -1)[0],
    lambda a: a.chunk(2, -1)[-1],
    lambda a: a[:, 1:] if a.shape[1] > 1 else a,
    lambda a: a[:, -2:],
    lambda a: a.unsqueeze(1).transpose(1, 2).flatten(1),
    lambda a: a.view(len(a), 2, -1)[:, 1] if a.shape[1] % 2 == 0 else a,
    lambda a: a.view(len(a), 2, -1).sum(1) if a.shape[1] % 2 == 0 else a,
]
KINDS = ("linear", "unary", "binary", "cat", "cut", "bias", "matrix")


class Drawn(nn.Module):
    """Values are computed one after the other, each from earlier ones, as the recipe says; the last become states."""

    def __init__(
        self, input_size: int, sizes: list[int], recipe: Sequence[tuple[str, int, int, int]], output: int | None
    ) -> None:
        super().__init__()
        self.input_size, self.sizes, self.recipe, self.output = input_size, sizes, recipe, output
        self.maps, self.biases = nn.ModuleDict(), nn.ParameterDict()
        with torch.no_grad():  # a first call makes the parameters, of the widths that come up
            self(torch.zeros(3, input_size), tuple(torch.zeros(3, s) for s in sizes))

    def forward(self, x: Tensor, state: Any) -> Any:
        states = state if isinstance(state, tuple) else (state,)
        pool = [*states, x]
        for number, (kind, which, left, right) in enumerate(self.recipe):
            a, b = pool[-1 - left % len(pool)], pool[right % len(pool)]
            pool.append(self._value(f"{kind}{number}", kind, which, a, b)[:, :12])
        last = pool[::-1]
        following = []
        for number, (size, old) in enumerate(zip(self.sizes, states, strict=True)):
            value = last[number % len(last)]
            value = value if value.shape[1] == size else self._linear(f"last{number}", value, size)
            following.append(torch.tanh(value) + 0.5 * old)
        new = tuple(following) if isinstance(state, tuple) else following[0]
        return new if self.output is None else (last[self.output % len(last)], new)

    def _value(self, name: str, kind: str, which: int, a: Tensor, b: Tensor) -> Tensor:
        match kind:
            case "linear":
                return self._linear(name, a, 1 + which % 8)
            case "unary":
                return UNARY[which % len(UNARY)](a)
            case "binary":
                b = b if b.shape[1] in (1, a.shape[1]) else self._linear(name, b, a.shape[1])
                return BINARY[which % len(BINARY)](a, b)
            case "cat":
                return torch.cat([a, b, x_like(a, which)][: 2 + which % 2], -1)
            case "cut":
                return CUTS[which % len(CUTS)](a)
            case "bias":
                return a * torch.exp(self._bias(name, a.shape[1]))
            case _:
                return torch.tanh(a @ self._bias(name, a.shape[1] * 2).view(a.shape[1], 2))

    def _linear(self, name: str, a: Tensor, size: int) -> Tensor:
        if name not in self.maps:
            self.maps[name] = nn.Linear(a.shape[1], size)
        return self.maps[name](a)

    def _bias(self, name: str, size: int) -> Tensor:
        if name not in self.biases:
            self.biases[name] = nn.Parameter(torch.randn(size) / 2)
        return self.biases[name]


def x_like(a: Tensor, which: int) -> Tensor:
    """A constant piece."""
    return torch.full_like(a[:, :1], which / 10)


@st.composite
def modules(draw: st.DrawFn) -> tuple[Drawn, int, int | tuple[int, ...]]:
    """A module, its input size, and its state sizes: a number for one tensor, else a tuple."""
    input_size, size = draw(st.integers(1, 5)), st.integers(1, 5)
    sizes = draw(size | st.lists(size, min_size=1, max_size=3).map(tuple))
    index = st.integers(0, 50)
    recipe = draw(st.lists(st.tuples(st.sampled_from(KINDS), index, index, index), max_size=10))
    torch.manual_seed(draw(st.integers(0, 2**20)))
    listed = [sizes] if isinstance(sizes, int) else list(sizes)
    return Drawn(input_size, listed, recipe, draw(st.none() | index)), input_size, sizes
