"""torch.nn's own layers, where there is one for the cell."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.kernels.case import Case
from benchmarks.kernels.contenders.contender import Contender, Unable

LAYERS: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "elman": nn.RNN}
STORED = {"W": "weight_ih_l0", "R": "weight_hh_l0", "b": "bias_ih_l0", "bR": "bias_hh_l0"}


def library(case: Case, mode: str, limit: float) -> Iterator[Contender]:
    """The layer with oneDNN allowed and, for the LSTM, which alone has a path there, without."""
    del limit
    if case.cell not in LAYERS:
        raise Unable("no such layer")
    yield _contender(case, mode, "default", True)
    if case.cell == "lstm":
        yield _contender(case, mode, "without oneDNN", False)


def _contender(case: Case, mode: str, label: str, onednn: bool) -> Contender:
    layer = LAYERS[case.cell](case.size.inputs, case.size.units, dtype=case.dtype)
    with torch.no_grad():
        for name, value in case.parameters.items():
            getattr(layer, STORED[name]).copy_(value)
    weights = [getattr(layer, STORED[name]) for name in case.parameters]
    x, names = case.leaf(), [f"gradient {n}" for n in ("x", *case.parameters)]

    def output() -> Tensor:
        if onednn:
            return layer(x)[0]
        torch._C._set_mkldnn_enabled(False)  # torch.backends.mkldnn.flags does more, and warns at every call
        try:
            return layer(x)[0]
        finally:
            torch._C._set_mkldnn_enabled(True)

    def forward() -> Tensor:
        with torch.no_grad():
            return output()

    def training() -> tuple[Tensor, ...]:
        result = output()
        return result, *torch.autograd.grad(result, [x, *weights], case.gradient)

    if mode == "forward":
        return Contender(label, forward, lambda result: {"output": result})
    return Contender(label, training, lambda result: dict(zip(["output", *names], result, strict=True)))
