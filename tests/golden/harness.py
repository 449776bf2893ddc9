"""A page beside its paper's equations, written out in plain NumPy float64: same weights, inputs and states for both.

A file of this folder has a table EQUATIONS, page → step, and hands each entry to `compare`; `tables` finds them all.
"""

import importlib
import pkgutil
from collections.abc import Callable

import numpy as np
import torch

import tests.golden
from unspool.cells import built_in
from unspool.lang.starts import uniform
from unspool.nn import Recurrent
from unspool.testing.tolerances import tolerance

I, H = 3, 4  # noqa: E741 - the axes' letters
P = N = 2  # of every letter besides
T, B = 6, 2

DTYPES = [torch.float64, torch.float32]
BEGINNINGS = ["anywhere", "at zero"]

Array = np.ndarray
Weights = dict[str, Array]
Step = Callable[[Array, tuple[Array, ...], Weights], tuple[Array, ...]]
"""(x [I], the states, parameters by name and the step's numbers by theirs) → the next states, in the order of the page,
and the output where it is not the first of them."""


def sigma(v: Array) -> Array:
    return 1 / (1 + np.exp(-v))


def block_diagonal(stored: Array, blocks: int = N) -> Array:
    """[H, H/N] with its zeros filled in, [H, H]."""
    rows, width = stored.shape
    whole = np.zeros((rows, rows))
    for block in range(blocks):
        span = slice(block * width, (block + 1) * width)
        whole[span, span] = stored[span]
    return whole


def tables() -> dict[str, str]:
    """Page → the file of this folder in whose table it stands.

    Raises:
        ValueError: a page stands in two.
    """
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(tests.golden.__path__):
        for page in getattr(importlib.import_module(f"tests.golden.{module.name}"), "EQUATIONS", {}):
            if page in found:
                raise ValueError(f"{page} stands in {found[page]} and in {module.name}")
            found[page] = module.name
    return found


def layer_of(name: str, dtype: torch.dtype = torch.float64) -> Recurrent:
    """A layer whose learned parameters are drawn, whatever the page starts them with; fixed ones, numbers are its."""
    graph = built_in()[name].graph
    drawn = {p.name: uniform(-0.5, 0.5) for p in graph.parameters if not p.fixed and p.shape}
    sizes = dict.fromkeys(graph.sizes - {"I", "H"}, P)
    return Recurrent(name, I, H, dtype=dtype, sizes=sizes, start=drawn)


def weights_of(layer: torch.nn.Module) -> Weights:
    """Parameters and fixed values of a layer by the page's names, float64."""
    return {n.removesuffix("_l0"): v.detach().double().numpy() for n, v in layer.state_dict().items()}


def drawn_states(layer: Recurrent, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    return tuple(torch.randn(1, B, size, dtype=dtype) for size in layer.state_sizes)


def run(
    step: Step, x: torch.Tensor, states: tuple[Array, ...], weights: Weights, per_step: dict[str, torch.Tensor]
) -> tuple[Array, tuple[Array, ...]]:
    """Outputs [T, ·] and final states of one sequence x [T, I], step by step."""
    outputs: list[Array] = []
    for t in range(len(x)):
        numbers = {name: values[t].double().numpy() for name, values in per_step.items()}
        results = step(x[t].double().numpy(), states, {**weights, **numbers})
        outputs.append((*results[len(states) :], results[0])[0])
        states = results[: len(states)]
    return np.stack(outputs), states


def compare(
    name: str,
    step: Step,
    dtype: torch.dtype,
    beginning: str,
    *,
    layer: Recurrent | None = None,
    initial: tuple[torch.Tensor, ...] | None = None,
) -> None:
    """The page's outputs and final states over T steps are those of `step`.

    Numbers per step are drawn from (0, 3), so that limits are met; from zero those that may be left out are.

    Args:
        name: of the page.
        step: its paper's equations.
        dtype: of the page's side; the other is always float64.
        beginning: from drawn states ("anywhere"), or from those that are left out ("at zero").
        layer: one of the page with other weights than `layer_of` draws.
        initial: the states to begin with "anywhere", where drawn ones make no sense.
    """
    torch.manual_seed(0)
    layer = layer_of(name, dtype) if layer is None else layer
    x = torch.randn(B, T, I, dtype=dtype)
    states = drawn_states(layer, dtype) if initial is None else initial
    begin = states if beginning == "anywhere" else None
    numbers = {v.name: v.default for v in built_in()[name].graph.inputs if v.size == ""}
    given = {n for n, default in numbers.items() if begin is not None or default is None}
    per_step = {n: 3 * torch.rand(B, T, dtype=dtype) for n in numbers if n in given}
    with torch.no_grad():
        output, final = layer(x, begin, per_step=per_step or None)
    weights = weights_of(layer) | {n: np.array(default) for n, default in numbers.items() if n not in given}
    for b in range(B):
        of_row = tuple(s[0, b].double().numpy() for s in states)
        of_row = of_row if begin is not None else tuple(np.zeros_like(s) for s in of_row)
        expected, ends = run(step, x[b], of_row, weights, {n: v[b] for n, v in per_step.items()})
        pairs = [(output[b], expected), *((found[0, b], end) for found, end in zip(final, ends, strict=True))]
        for found, wanted in pairs:
            allowed = tolerance(dtype, T, scale=np.abs(wanted).max())
            np.testing.assert_allclose(found.double().numpy(), wanted, rtol=0, atol=allowed)
