"""Torch's layer and ours with the same seed, and everything that a call and its backward pass give."""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import unspool.nn

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "RNN tanh": ("RNN", {"nonlinearity": "tanh"}),
    "RNN relu": ("RNN", {"nonlinearity": "relu"}),
    "LSTM": ("LSTM", {}),
    "LSTM projected": ("LSTM", {"proj_size": 2}),
    "GRU": ("GRU", {}),
}
FORMS = ["unbatched", "batched", "packed", "packed unsorted"]
I, H, T, B = 3, 4, 3, 3  # noqa: E741 - the axes' letters
LENGTHS = {"packed": [3, 2, 1], "packed unsorted": [2, 1, 3]}


def seed(number: int) -> None:
    """`torch.manual_seed` for the CPU alone: the whole of it notes a stack trace per kind of device, a millisecond."""
    torch.default_generator.manual_seed(number)


def pair(kind: str, **options: Any) -> tuple[Any, Any]:
    """(torch's layer, ours), each built after the same seed."""
    name, more = KINDS[kind]
    layers = []
    for home in (nn, unspool.nn):
        seed(0)
        layers.append(getattr(home, name)(I, H, **{**more, **options}))
    return layers[0], layers[1]


@dataclass(frozen=True)
class Call:
    """x and the initial state for a layer; `x` leads to the given form through `data`, which gradients are taken of."""

    form: str
    data: Tensor
    states: tuple[Tensor, ...] | None
    batch_first: bool

    @property
    def x(self) -> Tensor | PackedSequence:
        if self.form not in LENGTHS:
            return self.data
        lengths = torch.tensor(LENGTHS[self.form])
        return pack_padded_sequence(self.data, lengths, self.batch_first, enforce_sorted=self.form == "packed")


def call_for(layer: Any, form: str, *, states: bool) -> Call:
    dtype = layer.weight_ih_l0.dtype
    stacked = layer.num_layers * (2 if layer.bidirectional else 1)
    sizes = [layer.proj_size or H, H] if layer.mode == "LSTM" else [H]
    batch = () if form == "unbatched" else (B,)
    shape = (T, *batch, I) if form == "unbatched" or not layer.batch_first else (*batch, T, I)
    seed(1)
    data = torch.randn(shape, dtype=dtype, requires_grad=True)
    initial = tuple(torch.randn((stacked, *batch, s), dtype=dtype, requires_grad=True) for s in sizes)
    return Call(form, data, initial if states else None, layer.batch_first)


def outcome(layer: Any, call: Call) -> tuple[dict[str, Tensor], PackedSequence | None]:
    """Output, final states and the gradient of a fixed weighing of them by everything; and the output's packing."""
    hx = call.states if call.states is None or len(call.states) == 2 else call.states[0]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")
        output, final = layer(call.x, hx)
    packed = output if isinstance(output, PackedSequence) else None
    results = [output if packed is None else packed.data, *((final,) if isinstance(final, Tensor) else final)]
    weighed = [(r * torch.linspace(-1, 2, r.numel(), dtype=r.dtype).view_as(r)).sum() for r in results]
    of = {
        "x": call.data,
        **{f"state {k}": s for k, s in enumerate(call.states or ())},
        **dict(layer.named_parameters()),
    }
    gradients = torch.autograd.grad(torch.stack(weighed).sum(), list(of.values()))
    named = {"output": results[0].detach(), **{f"final {k}": f.detach() for k, f in enumerate(results[1:])}}
    return {**named, **{f"∂{n}": g for n, g in zip(of, gradients, strict=True)}}, packed
