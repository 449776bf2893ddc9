"""The Lyapunov spectrum: at what exponential rates small differences between states grow or shrink.

    Q_{t+1} R_{t+1} = J_t Q_t        λ_i = Σ_t ln |R_ii| / (T · dt)        how it is computed: `growth.py`

Benettin et al. 1980, Meccanica 15, 9–30; for recurrent networks Engelken, Wolf & Abbott 2023, Phys. Rev. Research 5,
043044, and Vogt et al. 2022, Front. Appl. Math. Stat. 8:818799. Positive: chaos. All negative: every memory of a state
fades, along a direction with exponent λ in 1/|λ| steps.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from unspool.dynamics.spectra.course import Course
from unspool.dynamics.spectra.growth import Columns
from unspool.dynamics.systems.system import System, system_of
from unspool.dynamics.systems.trajectory import trajectory_inputs
from unspool.errors import SettingError, ShapeError


@final
@dataclass(frozen=True, eq=False, repr=False)
class LyapunovSpectrum:
    """Lyapunov exponents with error bars.

    Attributes:
        exponents: [K] float64, the largest first, in nats per unit of time (of a map or network: per step). −∞ where
            a direction is lost altogether: by a factor, in a single step, that rounding would hide.
        errors: [K] standard errors, from the spread of batch means; 0 of −∞.
        resolved: [K] bool, whether rounding was small against what was left of the direction in every step. Where it
            was not, the true exponent may be lower.
        dimension: Kaplan and Yorke's, k + Σ_{i≤k} λ_i / |λ_{k+1}| for the largest k with Σ_{i≤k} λ_i ≥ 0. NaN where
            it takes more exponents than were asked for.
        entropy_bound: the sum of the positive exponents, in nats per unit of time; the metric entropy is at most that
            (Ruelle's inequality).
        dt: units of time per step.
        steps: averaged over, in each trajectory.
        trajectories: B.
        every: steps between decompositions, on average.
    """

    exponents: Tensor
    errors: Tensor
    resolved: Tensor
    dimension: float
    entropy_bound: float
    dt: float
    steps: int
    trajectories: int
    every: float

    def __repr__(self) -> str:
        pairs = zip(self.exponents[:3].tolist(), self.errors[:3].tolist(), strict=True)
        largest = ", ".join(f"{value:.4g} ± {error:.1g}" for value, error in pairs)
        rest = f" … {float(self.exponents[-1]):.4g}" if len(self.exponents) > 3 else ""
        return (
            f"LyapunovSpectrum({largest}{rest}; {len(self.exponents)} exponents, dimension {self.dimension:.3g}, "
            f"{self.trajectories} × {self.steps} steps)"
        )


@torch.no_grad()
def lyapunov_spectrum(
    system: nn.Module | System,
    x: Tensor | None = None,
    *,
    steps: int | None = None,
    count: int | None = None,
    initial_state: Tensor | None = None,
    every: int | None = None,
    discard: int | None = None,
    discard_q: int | None = None,
    batches: int = 20,
    seed: int = 0,
) -> LyapunovSpectrum:
    """The `count` largest Lyapunov exponents of a network or of any system, driven or left to itself.

    Args:
        system: a recurrent layer, which is analysed in float64, or a `System`, in its own dtype.
        x: [T, I], or [B, T, I] for B trajectories, which are averaged. Without it the input is zero.
        steps: to average over; by default all that `x` has after the transients.
        count: K; by default all S.
        initial_state: [S], or [B, S] for B trajectories. By default zeros under an input, and without one drawn from
            N(0, 0.01): rest is a fixed point of many systems.
        every: the most steps between decompositions; they are fewer wherever columns would become dependent.
        discard: steps before anything is measured, for the state to come to its attractor; by default a tenth.
        discard_q: steps after these for the columns to turn into their directions; by default a tenth.
        batches: means, over all trajectories, whose spread gives the errors.
        seed: of the first columns and states.

    Raises:
        ShapeError: `x` or `initial_state` does not fit, or `x` is too short.
        SettingError: there is neither `x` nor `steps`, a number is out of its range, or the layer is no system.
        DataError: a weight or an input is not finite, or a state or a Jacobian becomes infinite.

    Time: for each step a product of the Jacobian with K columns, and every few steps an LU decomposition of [S, K]. An
    LSTM of 128 units, with all 256 exponents, takes 1.5 to 2 ms per step on one core. Memory: some dozen Jacobians.
    """
    system = system_of(system)
    count = system.size if count is None else count
    _check_numbers(system, count, every, batches)
    generator = torch.Generator().manual_seed(seed)
    if initial_state is None and x is None:  # rest is a fixed point of many systems
        initial_state = 0.1 * torch.randn(system.size, generator=generator, dtype=torch.float64)
    state, inputs, _ = trajectory_inputs(system, initial_state, x, 1 if x is None else None, None)
    steps, discard, discard_q = _lengths(x, steps, discard, discard_q)
    course = Course(system, state, None if x is None else inputs, count)
    course.skip(discard)
    first = torch.randn((len(state), system.size, count), generator=generator, dtype=torch.float64)
    columns = Columns(first.to(system.dtype), every)
    course.carry(columns, discard_q)
    number = min(steps, math.ceil(batches / len(state)))
    ends = [steps * i // number for i in range(number + 1)]
    columns.taken()
    rates, total, rounds = [], torch.zeros(count, dtype=torch.float64), columns.rounds
    dt = float(getattr(system, "dt", 1.0))
    for begin, end in pairwise(ends):
        course.carry(columns, end - begin)
        logs = columns.taken().double()
        total += logs.mean(0)
        rates.append(logs / ((end - begin) * dt))
    exponents, order = (total / (steps * dt)).sort(descending=True)
    means = torch.cat(rates)
    errors = means.std(0) / len(means) ** 0.5 if len(means) > 1 else torch.full_like(total, math.nan)
    return LyapunovSpectrum(
        exponents=exponents,
        errors=torch.where(exponents.isneginf(), 0.0, errors[order]),
        resolved=(columns.share >= columns.least)[order],
        dimension=kaplan_yorke(exponents, complete=count == system.size),
        entropy_bound=float(exponents.clamp(min=0).sum()),
        dt=dt,
        steps=steps,
        trajectories=len(state),
        every=steps / (columns.rounds - rounds),
    )


def product_spectrum(
    matrices: Tensor,
    *,
    count: int | None = None,
    every: int | None = None,
    discard_q: int | None = None,
    batches: int = 20,
    seed: int = 0,
) -> LyapunovSpectrum:
    """The Lyapunov exponents of a product of matrices M_T … M_2 M_1, [T, S, S], or of B of them, [B, T, S, S].

    The other arguments, and what is raised, are those of `lyapunov_spectrum`.
    """
    if matrices.dim() not in (3, 4) or matrices.shape[-1] != matrices.shape[-2] or not matrices.numel():
        raise ShapeError(f"matrices are {list(matrices.shape)}; expected [T, S, S] or [B, T, S, S]")
    return lyapunov_spectrum(
        _Product(matrices),
        matrices.flatten(-2),
        count=count,
        every=every,
        discard=0,
        discard_q=discard_q,
        batches=batches,
        seed=seed,
    )


def kaplan_yorke(exponents: Tensor, *, complete: bool = True) -> float:
    """Kaplan and Yorke's dimension of exponents [K] in descending order; see `LyapunovSpectrum.dimension`.

    Args:
        exponents: the K largest.
        complete: whether these are all that there are.
    """
    sums = exponents.cumsum(0)
    k = int((sums >= 0).sum())
    if k == 0:
        return 0.0
    if k == len(exponents):
        return float(k) if complete else math.nan
    return k + float(sums[k - 1] / exponents[k].abs())


@final
class _Product:
    """Matrices as the Jacobians of a system: its input is the matrix, and its state stays at zero."""

    def __init__(self, matrices: Tensor) -> None:
        self.size, self.input_size, self.dtype = matrices.shape[-1], matrices.shape[-1] ** 2, matrices.dtype

    def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        return state

    def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is not None
        return x.unflatten(-1, (self.size, self.size))


def _lengths(x: Tensor | None, steps: int | None, discard: int | None, discard_q: int | None) -> tuple[int, int, int]:
    """Steps averaged over and those of the two transients."""
    whole = steps if steps is not None else None if x is None else x.shape[-2]
    if whole is None:
        raise SettingError("steps is missing", hint="without an input x, say over how many steps to average")
    discard, discard_q = (whole // 10 if given is None else given for given in (discard, discard_q))
    steps = whole - discard - discard_q if steps is None else steps
    if min(discard, discard_q) < 0 or steps < 1:
        raise SettingError(f"steps={steps}, discard={discard}, discard_q={discard_q}: nothing is left to average over")
    if x is not None and x.shape[-2] < discard + discard_q + steps:
        raise ShapeError(
            f"x has {x.shape[-2]} steps; discard={discard}, discard_q={discard_q} and steps={steps} take "
            f"{discard + discard_q + steps}"
        )
    return steps, discard, discard_q


def _check_numbers(system: System, count: int, every: int | None, batches: int) -> None:
    if not 1 <= count <= system.size:
        raise SettingError(f"count is {count}; the state has {system.size} numbers, and as many exponents")
    if batches < 1 or (every is not None and every < 1):
        raise SettingError(f"batches is {batches}, every is {every}; both are at least 1")
