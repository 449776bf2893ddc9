"""From a series to a system: a recurrent network is trained until its free run looks like the series.

    found = reconstruct(series)                     [T, N], every dimension of the state observed
    run = found.generate(10_000, series[-1:])       a new trajectory, in the units of the series
    lyapunov_spectrum(found.layer, steps=10_000)    and whatever else there is to know about a system

Hess, Monfared, Brenner & Durstewitz 2023, arXiv:2306.04406; how it is trained says `train.forcing`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from unspool.cells import find_cell
from unspool.dynamics.reconstruction.scores import LARGEST, spectral_distance, state_space_divergence
from unspool.dynamics.systems.system import as_system
from unspool.errors import DataError, ModelError, SettingError, ShapeError
from unspool.ir import Apply, Read, StepGraph, Weight
from unspool.lang import Cell
from unspool.nn import Recurrent
from unspool.train import Callback, Fitted, TrainSettings, fit
from unspool.train.forcing import forcing_loss, run_forced

SHRUNK = 0.1
"""By how much the first weights are smaller than usual beside a diagonal memory, which starts at 1: a series that is
sampled densely hardly changes from step to step, so the map that it comes from is near the identity."""


@final
@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A layer that was fitted to a series and now runs without it, its input zero.

    Attributes:
        layer: in float64; the first N of its units are the dimensions of the series, standardised. Every analysis
            of this package takes it.
        centre, scale: [N] float64: the series' means and standard deviations.
        alpha: the forcing at the end of training.
        fitted: the fit. Its validation loss is how far a free run is from the series itself: D_stsp + D_H, of more
            than five dimensions D_H alone.
    """

    layer: Recurrent
    centre: Tensor
    scale: Tensor
    alpha: float
    fitted: Fitted

    def generate(self, steps: int, observations: ArrayLike) -> Tensor:
        """A free run [steps, N] in the series' units that goes on from observations [T, N], T ≥ 1.

        Before it the layer runs along the observations, forced as it was in training. One is enough where the state is
        observed as a whole; of a longer stretch the other units learn where they are.

        Raises:
            ShapeError: the observations are not [T, N], or steps is less than 1.
            DataError: an observation is not finite.
        """
        if steps < 1:
            raise ShapeError(f"generate: steps is {steps}; it must be at least 1")
        given = torch.as_tensor(_checked(observations, len(self.centre), 1))
        return _free_run(self.layer, (given - self.centre) / self.scale, self.alpha, steps) * self.scale + self.centre


def reconstruct(
    series: ArrayLike,
    cell: Cell | str = "shallow_plrnn",
    *,
    hidden_size: int | None = None,
    sizes: Mapping[str, int] | None = None,
    alpha: float | None = None,
    length: int = 200,
    batch_size: int = 16,
    steps: int = 20_000,
    learning_rate: float = 1e-3,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
) -> Reconstruction:
    """Fit an autonomous network to a series [T, N] with generalised teacher forcing.

    Args:
        series: [T, N], sampled evenly, longer than `length`.
        cell: whose first state is its output and can take the values of a standardised series; that of a GRU, between
            −1 and 1, cannot.
        hidden_size: H ≥ N; N by default.
        sizes: further sizes on the cell's page; P is 50 by default.
        alpha: the forcing, 0 … 1; see `train.forcing`. By default it follows the Jacobians (`needed_forcing`), which
            needs a state that is observed as a whole: one state of N units.
        length: steps per training sequence.
        batch_size: sequences per optimiser step.
        steps: optimiser steps.
        learning_rate: its peak.
        seed: of the first weights and of the batches.
        callbacks: watch the fit.

    Raises:
        ShapeError: the series is not [T, N], or too short, or H < N.
        DataError: a value is not finite, or a dimension is constant.
        SettingError: the cell cannot be forced, or needs `alpha` to be given; a number is out of its range.
        ModelError: no network on the way stayed near the series.

    The weights kept are those whose free run was nearest to the series in twenty validations.

    Source: Hess et al. 2023. Their protocol, but for four things: `fit`'s schedule, a start near the identity, the best
    of several weights, and no loss on the first quarter of a sequence.
    Time: `steps` forward and backward passes over `length` steps: with the defaults 2–3 ms each on one core.
    """
    if steps < 1 or length < 2 or batch_size < 1:
        raise SettingError(
            f"reconstruct: steps={steps}, length={length}, batch_size={batch_size}; they are at least 1, 2 and 1"
        )
    data = _checked(series, None, length + 1)
    observed = data.shape[1]
    if (still := np.flatnonzero(np.ptp(data, axis=0) == 0)).size:
        raise DataError(f"dimension {int(still[0])} of the series is constant", hint="leave it out")
    units = observed if hidden_size is None else hidden_size
    if units < observed:
        raise ShapeError(
            f"reconstruct: hidden_size is {units}; the first units are the {observed} dimensions of the series"
        )
    layer = _layer(cell, units, sizes, seed)
    if alpha is None and layer.state_sizes != (observed,):
        raise SettingError(
            f"reconstruct: {observed} numbers are observed, the states of {layer.cell.name} have "
            f"{' + '.join(map(str, layer.state_sizes))}: the forcing cannot be found from its Jacobians",
            hint="give alpha, for example 0.1; more where training diverges",
        )
    centre, scale = data.mean(0), data.std(0)
    scaled = (data - centre) / scale
    forcing = _Forcing(alpha, steps)
    values = torch.as_tensor(scaled, dtype=torch.float32)
    fitted = fit(
        layer,
        _batches(values, length, batch_size, seed),
        lambda module, batch: forcing(layer, batch),
        lambda module: _distance(layer, values, forcing.alpha),
        TrainSettings(steps, learning_rate, weight_decay=0.0, clip=10.0, validations=20, patience=20),
        title=f"{layer.cell.name}, {observed} dimensions",
        callbacks=callbacks,
    )
    if not math.isfinite(fitted.best_loss):
        raise ModelError(
            f"reconstruct: no network came near the series in {steps} steps ({fitted.stopped})",
            hint="more forcing (alpha), a lower learning_rate, more steps; or a cell whose state can take the "
            "series' values",
        )
    return Reconstruction(layer.double(), torch.as_tensor(centre), torch.as_tensor(scale), forcing.alpha, fitted)


def needed_forcing(layer: Recurrent, observations: Tensor) -> float:
    """α = max(0, 1 − 1/σ̃) for states [..., S], σ̃ the largest spectral norm of the Jacobians there.

    The least with which no step from any of these states lets a gradient grow (after Hess et al. 2023; smaller α do,
    as long as the product of the Jacobians stays in hand).
    """
    with torch.no_grad():
        jacobians = as_system(layer).jacobian(observations.reshape(-1, observations.shape[-1]))
    if not jacobians.isfinite().all():
        return 1.0
    return 1 - 1 / max(1.0, float(torch.linalg.matrix_norm(jacobians, 2).max()))


class _Forcing:
    """The loss of a batch under the forcing of the moment.

    By default that begins as teacher forcing and falls to what is needed, by a factor e in a twentieth of the training;
    where more is needed, it rises at once.
    """

    EVERY, SEQUENCES = 20, 4
    """The forcing is found anew every so many batches, from so many of a batch's sequences."""

    WARM = 4
    """The first of so many parts of a sequence is not counted."""

    def __init__(self, alpha: float | None, steps: int) -> None:
        self.alpha = 1.0 if alpha is None else alpha
        self._follows, self._calls = alpha is None, 0
        self._kept = math.exp(-20 * self.EVERY / steps)

    def __call__(self, layer: Recurrent, batch: Tensor) -> Tensor:
        if self._follows and self._calls % self.EVERY == 0:
            needed = needed_forcing(layer, batch[: self.SEQUENCES])
            self.alpha = max(needed, self._kept * self.alpha + (1 - self._kept) * needed)
        self._calls += 1
        return forcing_loss(layer, batch, self.alpha, skip=batch.shape[1] // self.WARM)


def _layer(cell: Cell | str, hidden_size: int, sizes: Mapping[str, int] | None, seed: int) -> Recurrent:
    """A layer that starts near the identity where its cell lets it."""
    cell = find_cell(cell)
    usual = {"P": 50} if "P" in cell.graph.sizes else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = Recurrent(cell, 1, hidden_size, sizes={**usual, **(sizes or {})})
    if memory := _diagonal_memory(cell.graph):
        for parameter, values in zip(cell.graph.parameters, layer.stored_parameters(0).values(), strict=True):
            if parameter.fixed:
                continue
            if parameter.name == memory:
                nn.init.ones_(values)
            elif parameter.shape[:1] == (cell.graph.states[0].size,):
                with torch.no_grad():
                    values.mul_(SHRUNK)
    return layer


def _diagonal_memory(graph: StepGraph) -> str | None:
    """The vector A of a step z' = A ∘ z + …, if it has one."""
    terms = [graph.next_states[0]]
    for position in terms:
        match graph.nodes[position]:
            case Apply("add", arguments, _):
                terms += arguments
            case Apply("multiply", (left, right), _):
                factors = (graph.nodes[left], graph.nodes[right])
                for vector, state in (factors, factors[::-1]):
                    if isinstance(vector, Weight) and isinstance(state, Read) and state.name == graph.states[0].name:
                        return vector.name
            case _:
                pass
    return None


def _batches(values: Tensor, length: int, batch_size: int, seed: int) -> Iterator[Tensor]:
    """[B, T, N] stretches of a series, from anywhere in it."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        starts = torch.randint(len(values) - length + 1, (batch_size, 1), generator=generator)
        yield values[starts + torch.arange(length)]


def _distance(layer: Recurrent, values: Tensor, alpha: float) -> float:
    """How far a free run from the beginning of the series is from the series; infinite where it diverges."""
    run, series = _free_run(layer, values[:1], alpha, len(values)).numpy(), values.numpy()
    if not np.isfinite(run).all():
        return math.inf
    distance = spectral_distance(run, series)
    return distance + state_space_divergence(run, series) if series.shape[1] <= LARGEST else distance


def _free_run(layer: Recurrent, observations: Tensor, alpha: float, steps: int) -> Tensor:
    """[steps, N] that follow observations [T, N]."""
    with torch.no_grad():
        predictions, states = run_forced(layer, observations[None], alpha)
        x = observations.new_zeros(1, 1, 1).expand(1, steps, layer.input_size)
        output, _ = layer(x, tuple(s[None] for s in states))
    first, rest = predictions[0, -1:], output[0, :-1, : observations.shape[1]]
    return torch.cat([first, rest])


def _checked(series: ArrayLike, observed: int | None, least: int) -> NDArray[np.float64]:
    """[T, N] with at least `least` finite steps."""
    values = np.asarray(series, dtype=np.float64)
    if values.ndim != 2 or len(values) < least or values.shape[1] != (observed or max(values.shape[1], 1)):
        raise ShapeError(
            f"the series is {list(values.shape)}; expected [T, N={observed or '1 …'}] with at least {least} steps",
            hint="a series of numbers is series[:, None]; give all the system's dimensions, or delayed copies of one",
        )
    if not (finite := np.isfinite(values).all(1)).all():
        raise DataError(
            f"the series is not finite at step {int(np.argmin(finite))}", hint="fill or cut what is missing"
        )
    return values
