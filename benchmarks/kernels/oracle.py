"""Correct first: every contender is compared with the reference backend in float64 before it is timed."""

import torch
from torch import Tensor

from benchmarks.kernels.case import Case
from unspool.runtime import kernel_for
from unspool.testing.tolerances import tolerance

LONGEST = 2000
"""Steps beyond which the allowed error grows no further."""
RIVALS_SLACK = 10.0
"""A rival may err this many times as much as ours: it does the same work, in its own way."""
ROOM = 4_500_000
"""Numbers in one piece of one state over time; longer runs are differentiated piece by piece, exactly."""

Values = dict[str, Tensor]
"""`output`, `final NAME`, `gradient NAME` → tensor."""


def truth(case: Case) -> Values:
    """Output, final states and every gradient, from float64 equations."""
    graph, kernel = case.graph, kernel_for(case.graph, "reference")
    name = graph.vector_inputs[0].name
    x, gradient = case.x.double(), case.gradient.double()
    parameters = {n: p.detach().double().requires_grad_() for n, p in case.parameters.items()}
    piece = max(1, ROOM // (case.size.batch * max(case.size.units, 1)))
    starts = list(range(0, case.size.steps, piece))
    edges = [case.initial(torch.float64)]
    with torch.no_grad():
        for start in starts[:-1]:
            edges.append(list(kernel({name: x[start : start + piece]}, parameters, edges[-1])[1]))
    outputs: list[Tensor] = []
    finals: list[Tensor] = []
    x_gradients: list[Tensor] = []
    sums = {n: torch.zeros_like(p) for n, p in parameters.items()}
    pulled = [torch.zeros_like(s) for s in edges[0]]
    for start, edge in zip(reversed(starts), reversed(edges), strict=True):
        part = x[start : start + piece].clone().requires_grad_()
        state = [s.clone().requires_grad_() for s in edge]
        output, final = kernel({name: part}, parameters, state)
        pairs = list(zip([output, *final], [gradient[start : start + piece], *pulled], strict=True))
        pairs = [(value, pull) for value, pull in pairs if value.requires_grad]
        found = torch.autograd.grad(
            [value for value, _ in pairs],
            [part, *parameters.values(), *state],
            [pull for _, pull in pairs],
            materialize_grads=True,
        )
        x_gradients.insert(0, found[0])
        for n, g in zip(sums, found[1:], strict=False):
            sums[n] += g
        pulled = list(found[1 + len(sums) :])
        outputs.insert(0, output.detach())
        finals = finals or [s.detach() for s in final]
    values = {"output": torch.cat(outputs)}
    values |= {f"final {s.name}": v for s, v in zip(graph.states, finals, strict=True)}
    values |= {"gradient x": torch.cat(x_gradients)}
    return values | {f"gradient {n}": g for n, g in sums.items()}


def fault(case: Case, found: Values, wanted: Values, slack: float = 1.0) -> str | None:
    """What is wrong with `found`, or None. An error is relative to the largest number of its tensor."""
    allowed = slack * tolerance(case.dtype, min(case.size.steps, LONGEST))
    largest = max(float(v.abs().max()) for v in wanted.values() if v.numel())
    for name, given in found.items():
        value = given.detach()
        want = wanted[name]
        if value.shape != want.shape:
            return f"{name} is {list(value.shape)}, not {list(want.shape)}"
        if not want.numel():
            continue
        if not bool(torch.isfinite(want).all()):
            return f"{name} of the reference is not finite"
        if not bool(torch.isfinite(value).all()):
            return f"{name} is not finite"
        scale = float(want.abs().max())
        if scale < 1e-9 * largest:  # zero but for rounding, e.g. the gradient of what a layer norm cancels
            scale = largest
        error = float((value.double() - want).abs().max()) / (scale or 1.0)
        if error > allowed:
            return f"{name} errs by {error:.1e} of its largest, allowed {allowed:.1e}"
    return None
