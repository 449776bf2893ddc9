"""Recurrent steps as their users write them in torch, and the eager loop that a layer must equal."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

States = tuple[Tensor, ...]


class CatLSTM(nn.Module):
    """One matrix for input and state together, cut into gates."""

    def __init__(self, input_size: int = 3, hidden_size: int = 4) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x: Tensor, state: States) -> States:
        h, c = state
        i, f, g, o = self.gates(torch.cat([x, h], dim=1)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class LayerNormGRU(nn.Module):
    def __init__(self, input_size: int = 4, hidden_size: int = 4) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.of_x, self.of_h = nn.Linear(input_size, 3 * hidden_size), nn.Linear(hidden_size, 3 * hidden_size)
        self.norm, self.last = nn.LayerNorm(3 * hidden_size), nn.LayerNorm(hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        xr, xz, xn = self.of_x(x).split(self.hidden_size, -1)
        hr, hz, hn = self.norm(self.of_h(h)).split(self.hidden_size, -1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        return self.last((1 - z) * torch.tanh(xn + r * hn) + z * h)


class Perceptron(nn.Module):
    """A network of other widths within the step, and an output of its own."""

    input_size, hidden_size = 3, 4

    def __init__(self) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Linear(9, 6), nn.GELU("tanh"))
        self.net = nn.Sequential(nn.Linear(7, 9), nn.SiLU(), inner, nn.Linear(6, 4))
        self.read = nn.Linear(4, 2)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = h + 0.1 * self.net(torch.cat((x, h), -1))
        return self.read(h), h


class Leaky(nn.Module):
    """A leaky integrator with learned time constants; matrices stand to the right, as [in, out]."""

    input_size, hidden_size = 3, 4

    def __init__(self) -> None:
        super().__init__()
        self.W, self.R = nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(4, 4) / 2)
        self.log_tau, self.gain = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.ones(()))
        self.dt: Tensor
        self.register_buffer("dt", torch.tensor(0.1))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        leak = self.dt / torch.exp(self.log_tau)
        return (1 - leak) * h + leak * torch.tanh(x @ self.W + h @ self.R * self.gain)


class TwoStages(nn.Module):
    """States of different sizes; the second waits for the first."""

    def __init__(self) -> None:
        super().__init__()
        self.A, self.B, self.C = nn.Linear(5, 4), nn.Linear(4, 3), nn.Linear(3, 4, bias=False)

    def forward(self, x: Tensor, state: States) -> tuple[Tensor, States]:
        h, q = state
        h = torch.tanh(self.A(torch.cat([x, q], 1)) + self.C(q)) + h
        q = torch.sigmoid(self.B(h)) * q
        return h * 2, (h, q)


class OneTensorLSTM(nn.Module):
    """Both states of an LSTM in one tensor."""

    input_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        h, c = self.cell(x, state.chunk(2, 1))
        return torch.cat((h, c), 1)


class Views(nn.Module):
    """Gates on an axis of their own, weighted by a softmax over it."""

    input_size, hidden_size = 3, 4

    def __init__(self) -> None:
        super().__init__()
        self.of_x, self.R = nn.Linear(3, 12), nn.Parameter(torch.randn(12, 4) / 2)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        gates = (self.of_x(x) + torch.einsum("gh,bh->bg", self.R, h)).view(-1, 3, 4)
        mixed = (gates.softmax(1) * gates).sum(1) / (1 + h.norm(dim=-1, keepdim=True))
        return mixed + torch.where(h > 0, h, 0.5 * h) / (1 + h.abs().mean(1, keepdim=True))


class OneUnit(nn.Module):
    """An input and a gate of one unit, which meet every unit of the state."""

    input_size, hidden_size = 1, 4

    def __init__(self) -> None:
        super().__init__()
        self.of_x, self.gate = nn.Linear(1, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(h))
        return torch.tanh(self.of_x(x * gate)) * gate + h * (1 - gate) * torch.tanh(x)


class InPlace(nn.Module):
    """Written piece by piece into a tensor; the state it is given is changed, too."""

    input_size, hidden_size = 3, 4

    def __init__(self) -> None:
        super().__init__()
        self.of_x = nn.Linear(3, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        new = torch.zeros(x.shape[0], 4, dtype=x.dtype)
        new[:, :2] = self.of_x(x)[:, 2:]
        new[:, 2:] += h[:, :2].tanh_()
        return new.mul_(0.5)


class Parametrized(nn.Module):
    input_size, hidden_size = 3, 4

    def __init__(self) -> None:
        super().__init__()
        self.of_x = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
        self.of_h = nn.utils.parametrizations.orthogonal(nn.Linear(4, 4))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.of_x(x) + self.of_h(h))


class CutInput(nn.Module):
    input_size, hidden_size = 5, 4

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 4), nn.Linear(3, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.a(x[:, :2])) * h + self.b(x[:, 2:])


class Columns(nn.Module):
    """Vectors as columns: the batch is the second axis."""

    input_size, hidden_size = 3, 4

    def __init__(self) -> None:
        super().__init__()
        self.W, self.R = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(4, 4) / 2)
        self.b = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.W @ x.T + self.R @ h.T + self.b[:, None]).T


class Heads(nn.Module):
    """Attention within the step, two heads of two units."""

    input_size, hidden_size = 4, 4

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        q, k, v = (f(a).view(-1, 2, 2) for f, a in ((self.q, x), (self.k, h), (self.v, h)))
        return torch.tanh((torch.softmax(q @ k.transpose(1, 2) / math.sqrt(2), -1) @ v).flatten(1) + h)


class Evaluated(nn.Module):
    """Batch norm and dropout, which are equations in evaluation only."""

    input_size, hidden_size = 3, 4

    def __init__(self) -> None:
        super().__init__()
        self.of_x, self.norm, self.dropout = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.dropout(self.norm(self.of_x(x)) + h))


class ThreeStates(nn.Module):
    """One state is the input of the step before, one is a constant; forward returns a list."""

    def forward(self, x: Tensor, state: States) -> list[Tensor]:
        a, b, c = state
        return [torch.tanh(a + x - b), x, torch.ones_like(c) * 0.5]


Rule = Callable[["Ruled", Tensor, Tensor, Tensor], Any]


class Ruled(nn.Module):
    """h' = rule(self, tanh(A x + B h), x, h)."""

    input_size, hidden_size = 3, 4

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.A, self.B, self.rule = nn.Linear(3, 4), nn.Linear(4, 4), rule
        self.count: Tensor
        self.order: Tensor
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("order", torch.tensor([1, 0, 3, 2]))
        self.calls = 0

    def forward(self, x: Tensor, h: Tensor) -> Any:
        return self.rule(self, torch.tanh(self.A(x) + self.B(h)), x, h)


def eager(module: nn.Module, x: Tensor, states: States, is_tuple: bool) -> tuple[Tensor, States]:
    """Output [B, T, ·] and final states of a loop over forward."""
    outputs = []
    for t in range(x.shape[1]):
        returned = module(x[:, t], tuple(s.clone() for s in states) if is_tuple else states[0].clone())
        if is_tuple and len(returned) == len(states) and all(isinstance(r, Tensor) for r in returned):
            output, states = returned[0], tuple(returned)
        elif isinstance(returned, tuple):
            output, state = returned
            states = tuple(state) if is_tuple else (state,)
        else:
            output, states = returned, (returned,)
        outputs.append(output)
    return torch.stack(outputs, 1), states


RULES: dict[str, Rule] = {
    "comparisons": lambda m, v, x, h: v * ((h > 0) & (v <= 0)).to(h) + (~(h > 0) | (v > 0)).to(h) * h,
    "choice": lambda m, v, x, h: torch.where(h < 0, 1.0, h).masked_fill(v > 0.3, 0.0) + (h != 0).int() * v,
    "constants": lambda m, v, x, h: v * torch.tensor([1.0, 2, 3, 4]).to(v) + torch.linspace(0, 1, 4).to(v),
    "made tensors": lambda m, v, x, h: v + torch.full((len(x), 4), 0.5).to(v) + h.new_zeros(4) + torch.ones_like(h),
    "gates of one": lambda m, v, x, h: functional.glu(torch.cat([v, h], -1)) * h.max(-1, keepdim=True)[0],
    "padded": lambda m, v, x, h: functional.pad(v[:, :2], (0, 2), value=0.25) * h,
    "masked matrix": lambda m, v, x, h: v + h @ torch.tril(m.B.weight) + torch.mv(h, m.B.bias)[:, None],
    "scaled": lambda m, v, x, h: torch.addmm(v, h, m.B.weight, beta=0.5, alpha=2),
    "every other": lambda m, v, x, h: torch.stack([v[:, ::2], h[:, 1::2]], -1).amin(1).repeat(1, 2),
    "attention": lambda m, v, x, h: functional.scaled_dot_product_attention(v[:, None], h[:, None], h[:, None])[:, 0],
    "normalised": lambda m, v, x, h: functional.rms_norm(h, (4,)) + functional.group_norm(v, 2),
    "unit length": lambda m, v, x, h: functional.normalize(h, dim=-1) * functional.log_softmax(v, -1),
    "spread": lambda m, v, x, h: v * h.std(-1, keepdim=True) + h.var(-1, keepdim=True, unbiased=False) * v,
    "log sum": lambda m, v, x, h: v * h.logsumexp(-1, keepdim=True) + torch.logaddexp(v, h),
    "activations": lambda m, v, x, h: sum(
        f(v) for f in (
            functional.softplus, functional.mish, functional.hardswish, functional.elu, functional.celu,
            functional.selu, functional.logsigmoid, functional.softsign, functional.relu6, functional.leaky_relu,
            functional.hardtanh, functional.tanhshrink,
        )
    ) * h / 20,
    "powers": lambda m, v, x, h: h**3 + (1 + v * v) ** -0.5 + 2.0**v + torch.rsqrt(1 + h * h) + (2 + v) ** m.count,
    "mixtures": lambda m, v, x, h: torch.addcmul(v, v, h, value=0.5) + torch.addcdiv(v, h, 2 + v).lerp(h, 0.3),
    "bounds": lambda m, v, x, h: v.clamp(-0.1, 0.1) + torch.clamp(h, min=v) + functional.prelu(h, m.B.bias),
    "waves": lambda m, v, x, h: v.tan() + v.sinh() + h.cos() - v.cosh() + torch.expm1(v) + torch.log1p(v * v),
}  # fmt: skip
"""Next states of `Ruled` that can be said in the language."""
