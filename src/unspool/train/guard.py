"""A loss or gradient that is not finite: where it arose, why most likely, and the last good state to go back to."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast, final

import torch
from torch import Tensor, nn

from unspool.train.nested import tensors_of
from unspool.train.processes import gather
from unspool.train.resumable import Resumable
from unspool.train.run import Broken, Run, copied

GROWN = 1e3
"""A weight of this size has left every usual range."""

HUGE = 1e6
"""So has an input."""


@dataclass(frozen=True)
class Diagnosis:
    """What a broken step is due to.

    Attributes:
        depth: 0 the batch, 1 a weight, 2 a layer, 3 a gradient, 4 the loss: the deepest of several is the cause.
        text: the step, the layer and the likely cause, in a sentence.
    """

    depth: int
    text: str

    @property
    def curable(self) -> bool:
        """Whether smaller steps from an earlier state could help; nothing helps against NaN in the data."""
        return self.depth > 0


@final
class Guard:
    """Keeps the last good state of a run in memory, and puts the run back there.

    Without retries nothing is kept. Cost: a copy of weights, best weights and optimiser state each time.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._good: tuple[dict[str, Any], dict[str, Any]] | None = None

    def is_good(self) -> bool:
        """Whether every weight is finite: a state to come back to."""
        return all(_finite(p) for p in self._run.module.parameters())

    def remember(self) -> None:
        """The state as it is now is good."""
        if self._run.settings.retries:
            self._good = copied(self._run.state_dict()), copied(self._run.local_state())

    def handle(self, broken: Broken) -> str:
        """Go back with a smaller rate, or set the run's `stopped`; what happened and what was done, in words."""
        run = self._run
        own = diagnose(run.module, run.loss, broken)
        # All processes have to decide alike, and the fault may lie in the rows of another one.
        every = gather(run.fabric, json.dumps([own.depth, own.text]).encode())
        found = min((Diagnosis(*json.loads(data)) for data in every), key=lambda d: d.depth)
        again = run.retries + 1
        if self._good is None or not found.curable or again > run.settings.retries:
            run.stopped = "no finite loss"
            why = f" after {run.retries} retries" if run.retries else ""
            return f"{found.text}; training ends{why} with the best weights so far"
        reduction, notes = run.reduction * run.settings.retry_rate, run.notes
        common, local = self._good
        run.load_state_dict(common)
        run.load_local_state(local, replay=False)
        run.retries, run.reduction, run.notes = again, reduction, notes
        return (
            f"{found.text}; back to step {run.step}, on with {reduction:g} times the learning rate "
            f"(retry {again} of {run.settings.retries})"
        )


def diagnose(module: nn.Module, loss: Callable[[nn.Module, Any], Tensor], broken: Broken) -> Diagnosis:
    """Where the first number that is not finite arises, and the likely cause. The batch is computed once more."""
    lost = not math.isfinite(broken.loss)
    start = f"step {broken.step}: {f'the loss is {broken.loss}' if lost else 'the gradient is not finite'}"
    if not all(_finite(t) for t in tensors_of(broken.batch)):
        return Diagnosis(0, f"{start}: the batch itself holds NaN or infinity; look at the data")
    for name, parameter in module.named_parameters():
        if not _finite(parameter):
            cause = "the update before was too large: lower the learning rate, or clip to a smaller norm"
            return Diagnosis(1, f"{start}: the weight '{name}' is not finite any more; {cause}")
    place = _first_layer(module, loss, broken)
    if place is not None:
        return Diagnosis(2, f"{start}: first in {place}; {_cause(module, broken.batch)}")
    if not lost:
        names = [n for n, p in module.named_parameters() if p.grad is not None and not _finite(p.grad)]
        cause = "gradients explode on the way back: lower the learning rate, or shorten the sequences"
        return Diagnosis(3, f"{start}: first in that of '{names[0] if names else 'a sum over all'}'; {cause}")
    cause = _cause(module, broken.batch)
    return Diagnosis(4, f"{start}: every layer's output is finite, so it arises in the loss function; {cause}")


def _first_layer(module: nn.Module, loss: Callable[[nn.Module, Any], Tensor], broken: Broken) -> str | None:
    """In words, the layer whose output is the first that is not finite."""
    found: list[str] = []

    def hook(name: str) -> Callable[..., None]:
        def look(layer: nn.Module, given: Any, output: Any) -> None:
            if not found and not all(_finite(t) for t in tensors_of(output)):
                sound = all(_finite(t) for t in tensors_of(given))
                found.append(
                    f"{'the output' if sound else 'what goes into'} "
                    f"{'of ' if sound else ''}{f'layer {name!r}' if name else 'the module'} ({type(layer).__name__})"
                )

        return look

    handles = [layer.register_forward_hook(hook(name)) for name, layer in module.named_modules()]
    if broken.loss_state is not None:
        cast(Resumable, loss).load_state_dict(broken.loss_state)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            loss(module, broken.batch)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None


def _cause(module: nn.Module, batch: Any) -> str:
    weight = max((float(p.detach().abs().max()) for p in module.parameters() if p.numel()), default=0.0)
    if weight > GROWN:
        return f"weights have grown to {weight:.1e}: lower the learning rate, or clip to a smaller norm"
    given = max((float(t.abs().max()) for t in tensors_of(batch) if t.is_floating_point() and t.numel()), default=0.0)
    if given > HUGE:
        return f"the batch holds values of up to {given:.1e}: scale the data"
    return "it overflows, divides by zero, or takes the logarithm or root of something that is not positive"


def _finite(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex()) or bool(torch.isfinite(tensor).all())
