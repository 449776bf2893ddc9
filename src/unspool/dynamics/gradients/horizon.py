"""The gradient horizon: how far back a network's gradients reach, measured.

    ∂s_T/∂s_{T−L} = J_T J_{T−1} … J_{T−L+1}          L steps back from the end of a sequence
    horizon(ε)    = the largest L at which its norm is ε or more
                  ≈ ln(1/ε) / |λ₁| where λ₁ < 0       λ₁: the largest Lyapunov exponent, the slope of the log norm

What lies further back than the horizon, a gradient step cannot learn from. The norm is the largest singular value: the
most that the best-placed error keeps. Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063v2, section 2; the exponent after
Engelken, Wolf & Abbott 2023, arXiv:2006.02427.
"""

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from unspool.dynamics.gradients.bounds import GradientBounds, gradient_bounds
from unspool.dynamics.systems.system import LayerSystem, System, system_of
from unspool.dynamics.systems.trajectory import run, trajectory_inputs
from unspool.errors import SettingError

QUANTILES = (0.1, 0.5, 0.9)
"""Of the sequences' norms: what most keep, half of them, and few."""


@final
@dataclass(frozen=True, eq=False, repr=False)
class GradientHorizon:
    """How the norm of ∂s_T/∂s_{T−L} falls or grows with the lag L.

    Attributes:
        lags: [K] int64, steps, rising; every lag at first, then ever more widely spaced.
        log_norms: [3, K] float64, nats: the quantiles 0.1, 0.5 and 0.9 over stretches of ln ‖∂s_T/∂s_{T−L}‖; −∞ where
            the product is exactly zero.
        epsilon: norm below which a gradient counts as lost.
        horizon: steps: the largest lag at which the median norm is epsilon or more (0: none), interpolated between
            lags; None where it still is at the longest lag.
        slope: nats per step, of the mean log norm over the longer half of the lags: λ₁ as far as it goes.
        slope_error: its standard error over the stretches; NaN for a single one.
        stretch: nats per step: the mean of ln ‖J_k‖ over the steps at `lags`; over all steps it is a slope's limit.
        bounds: what the weights alone say; None for a system given as a function.
        stretches: how many products were looked at.
    """

    lags: Tensor
    log_norms: Tensor
    epsilon: float
    horizon: int | None
    slope: float
    slope_error: float
    stretch: float
    bounds: GradientBounds | None
    stretches: int

    def __repr__(self) -> str:
        reach = f"beyond {int(self.lags[-1])}" if self.horizon is None else str(self.horizon)
        return (
            f"GradientHorizon({reach} steps at ε = {self.epsilon:g}; slope {self.slope:.4g} ± {self.slope_error:.1g} "
            f"per step, {self.stretches} stretches)"
        )

    @property
    def expected(self) -> float:
        """ln(1/ε)/|slope|, steps: the horizon of a network whose norms fall by the slope from lag 0 on; else ∞."""
        return math.log(1 / self.epsilon) * self.time_constant

    @property
    def time_constant(self) -> float:
        """−1/slope, steps: the lag over which gradients fall by e; infinite where they do not fall."""
        return float(time_constants(torch.tensor(self.slope)))

    @property
    def growth(self) -> float:
        """The largest median norm at any lag: above 1, gradients grow before they decay, if they do."""
        return float(self.log_norms[1].max().exp())


def time_constants(exponents: Tensor) -> Tensor:
    """τ = −1/λ of exponents in nats per step, in steps: infinite from λ = 0 on, 0 at −∞. Half-lives are τ ln 2."""
    return torch.where(exponents < 0, -1 / exponents, torch.inf)


def gradient_horizon(
    layer: nn.Module | System,
    x: Tensor | None = None,
    *,
    steps: int | None = None,
    longest: int | None = None,
    epsilon: float = 1e-3,
    initial_state: Tensor | None = None,
) -> GradientHorizon:
    """Measure how far back gradients reach in a layer that reads `x`.

    Args:
        layer: a recurrent layer in one direction, which is not changed, or any `System`.
        x: [T, I] or [B, T, I], inputs like those it is to work with; without them it runs on zeros.
        steps: T, where there is no x.
        longest: steps, the longest lag; by default T. Each sequence is cut, from its end, into stretches of as many
            steps; each is one sample of the norm. One long sequence and a `longest` of a tenth of it give ten.
        epsilon: what counts as lost. At 1e-3 what the distant past adds to a gradient is a thousandth of what the
            present adds, below the noise of any minibatch; ten times less moves the horizon by 2.3 time constants only.
        initial_state: [S] or [B, S]; zeros by default.

    Raises:
        SettingError: no such layer, or `longest` or `epsilon` out of range.
        ShapeError, DataError: x or the states do not fit, or are not finite.

    Cost: per lag and stretch a Jacobian and a product, S³, and at K ≤ 24 log₂ T lags two decompositions. Memory: the
    states, and three matrices [S, S] per stretch.

    Example:
        >>> from unspool.nn import Recurrent
        >>> from unspool.nn.initialisation import init_identity
        >>> layer = Recurrent("elman_linear", 1, 2)
        >>> init_identity(layer, 0.9)
        >>> found = gradient_horizon(layer, steps=100)
        >>> found.horizon, round(found.time_constant, 2)  # 0.9^65 > 1e-3 > 0.9^66
        (65, 9.49)
    """
    if not 0 < epsilon < 1:
        raise SettingError(f"epsilon is {epsilon}; it is a share of a norm, between 0 and 1")
    system = system_of(layer)
    state, inputs, steps = trajectory_inputs(system, initial_state, x, steps, None)
    longest = steps if longest is None else longest
    if not 1 <= longest <= steps:
        raise SettingError(f"longest is {longest} steps; the sequences have 1 to {steps}")
    before = torch.cat([state[:, None], run(system, state, inputs, steps)[:, :-1]], 1)
    lags, norms, stretch = _norms(system, _cut(before, longest), None if inputs is None else _cut(inputs, longest))
    # An order statistic, not a mean of two: half of −∞ and a number is no norm.
    log_norms = norms.quantile(torch.tensor(QUANTILES, dtype=norms.dtype), 0, interpolation="nearest")
    slopes = _slopes(lags, norms)
    return GradientHorizon(
        lags=lags,
        log_norms=log_norms,
        epsilon=epsilon,
        horizon=_horizon(lags, log_norms[1], math.log(epsilon)),
        slope=float(slopes.mean()),
        slope_error=float(slopes.std() / len(slopes) ** 0.5) if len(slopes) > 1 else math.nan,
        stretch=stretch,
        bounds=gradient_bounds(system.layer) if isinstance(system, LayerSystem) else None,
        stretches=len(norms),
    )


def _cut(series: Tensor, longest: int) -> Tensor:
    """[N, T, ·] → [N · (T // longest), longest, ·], from the end; what is left over at the beginning is dropped."""
    kept = series.shape[1] // longest * longest
    return series[:, series.shape[1] - kept :].reshape(-1, longest, series.shape[-1])


def _norms(system: System, states: Tensor, inputs: Tensor | None) -> tuple[Tensor, Tensor, float]:
    """Lags [K], ln of the norms [M, K] of the products that end with the last step, and the mean ln ‖J‖."""
    count, longest, size = states.shape
    lags = _spaced(longest)
    product = torch.eye(size, dtype=states.dtype).expand(count, size, size)
    scale = states.new_zeros(count)  # the product is kept near 1, and the logarithm of what it was divided by, here
    norms, stretches = [], []
    wanted = set(lags.tolist())
    for lag in range(1, longest + 1):
        jacobian = system.jacobian(states[:, -lag], None if inputs is None else inputs[:, -lag]).detach()
        product = product @ jacobian
        factor = torch.linalg.matrix_norm(product)
        scale = scale + factor.log()
        product = product / torch.where(factor > 0, factor, 1.0)[:, None, None]
        if lag in wanted:
            norms.append(scale + _log_norm(product))
            stretches.append(_log_norm(jacobian))
    return lags, torch.stack(norms, 1), float(torch.stack(stretches).mean())


def _log_norm(matrices: Tensor) -> Tensor:
    """Logarithms of the largest singular values of [M, S, S]; by the smaller eigenproblem, a quarter of the time."""
    return torch.linalg.eigvalsh(matrices.mT @ matrices)[:, -1].clamp(min=0).log() / 2


def _spaced(longest: int) -> Tensor:
    """Lags 1 to `longest`, none more than 3 % (or one step) from its neighbour."""
    count = math.ceil(math.log(longest) / math.log(1.03)) + 1
    return torch.logspace(0, math.log10(longest), count, dtype=torch.float64).round().long().unique()


def _slopes(lags: Tensor, norms: Tensor) -> Tensor:
    """[M] nats per step: the least-squares line through the longer half of the lags; −∞ where a norm is zero."""
    late = lags > lags[-1] // 2 if len(lags) > 2 else lags > 0
    steps, values = lags[late].double(), norms[:, late]
    if len(steps) == 1:  # one lag: the line from lag 0, where the norm is 1
        return values[:, 0] / steps
    steps = steps - steps.mean()
    slopes = (values.nan_to_num(neginf=0.0) * steps).sum(1) / steps.square().sum()
    return torch.where(values.isneginf().any(1), -math.inf, slopes)


def _horizon(lags: Tensor, median: Tensor, threshold: float) -> int | None:
    """The last lag with at least the threshold; the log norm is taken as straight between lags, and 0 at lag 0."""
    steps, values = [0, *lags.tolist()], [0.0, *median.tolist()]
    last = max(k for k, value in enumerate(values) if value >= threshold)
    if last == len(lags):
        return None
    share = (values[last] - threshold) / (values[last] - values[last + 1])
    return math.floor(steps[last] + share * (steps[last + 1] - steps[last]))
