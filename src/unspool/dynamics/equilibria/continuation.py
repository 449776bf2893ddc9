"""A fixed point followed through a change of one parameter, past folds, with the bifurcations on the way.

    F(s, p) = s        a curve in (s, p), which turns back in p at a fold
    (t_s, t_p)         its tangent, where [∂F/∂s − 1, ∂F/∂p] is zero

Pseudo-arclength continuation: a step along the tangent, then Newton's method in the plane across it (Keller 1977;
Kuznetsov 2004, Elements of Applied Bifurcation Theory, 3rd ed., sections 10.2 and 10.3). A bifurcation lies between two
points of the curve if one of these changes its sign:

| kind | test |
|---|---|
| fold | t_p |
| branch point | det [∂F/∂s − 1, ∂F/∂p; t_s, t_p] |
| flip | det (∂F/∂s + 1) |
| Neimark–Sacker | Π (λ_i λ_j − 1) over all pairs of eigenvalues, and a complex pair is on the unit circle |

and it is located by bisection along the curve. Two that are closer than a step can hide each other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unspool.dynamics.equilibria.stability import sorted_eigenvalues, stability_of
from unspool.dynamics.equilibria.starts import check_double
from unspool.dynamics.systems.system import System, system_of
from unspool.dynamics.systems.trajectory import constant_input
from unspool.errors import DataError, SettingError, ShapeError

FIRST, LONGEST, SHORTEST = 1e-2, 5e-2, 1e-8
"""Steps along the curve; 1 is the whole span of p, or 1 in every number of the state."""
KINDS = ("fold", "branch point", "flip", "Neimark–Sacker")
CORRECTIONS, BISECTIONS = 8, 50
EXACT = 1e-8
"""Step of Newton's method after which it has converged; ‖F(s) − s‖ of a point."""
STRAIGHT = 0.98
"""Cosine of the angle that the curve may turn by in a step."""


@dataclass(frozen=True)
class Bifurcation:
    """Where the number or the stability of fixed points changes.

    Attributes:
        kind: "fold", "branch point", "flip" or "Neimark–Sacker".
        parameter: p there.
        state: [S].
        eigenvalues: [S] complex, of ∂F/∂s, the largest modulus first.
        after: index of the last point of the branch before it.
    """

    kind: str
    parameter: float
    state: Tensor
    eigenvalues: Tensor
    after: int


@dataclass(frozen=True)
class Branch:
    """A curve of fixed points, in its own order; the parameter turns back at folds. Tensors are float64.

    Attributes:
        parameters: [K].
        states: [K, S].
        eigenvalues: [K, S] complex, the largest modulus first.
        stable: [K] bool, all eigenvalues inside the unit circle.
        bifurcations: on the way, in order.
        ended: "end of the span", "step limit" or "no convergence".
    """

    parameters: Tensor
    states: Tensor
    eigenvalues: Tensor
    stable: Tensor
    bifurcations: tuple[Bifurcation, ...]
    ended: str


def continue_fixed_point(
    system_at: Callable[[float], System | nn.Module],
    start: Tensor,
    span: tuple[float, float],
    x: Tensor | None = None,
    *,
    steps: int = 1000,
) -> Branch:
    """Follow a fixed point while a parameter p goes from one end of a span to the other.

    Args:
        system_at: p → the system, or the layer, with the parameter at this value. It may change one layer and return it
            again: a result is used before the next one is asked for.
        start: [S], a fixed point at the first p, or near one.
        span: (first p, last p), either order. The curve ends where it leaves the span, at either end.
        x: [I], constant input; zero by default.
        steps: points at most.

    Raises:
        SettingError, ShapeError, DataError: an empty span, a start that does not fit, no fixed point near it; as
            `fixed_points`.

    Cost: per point two to five times two steps, a Jacobian and an elimination O(S³), and once all eigenvalues; per
    bifurcation about 40 points.

    Example:
        >>> from unspool.dynamics.systems.functions import function_system
        >>> at = lambda b: function_system(lambda s: 5 * torch.sigmoid(s) + b, 1)
        >>> branch = continue_fixed_point(at, torch.tensor([-4.0]), (-4.0, -1.0))
        >>> [(b.kind, round(b.parameter, 5)) for b in branch.bifurcations]
        [('fold', -2.34439), ('fold', -2.65561)]
    """
    low, high = sorted(span)
    if not -np.inf < low < high < np.inf:
        raise SettingError(f"span is {span}; it must have two different ends")
    system = system_of(system_at(span[0]))
    check_double(system)
    if start.shape != (system.size,):
        raise ShapeError(f"start is {list(start.shape)}; the state of this system is [S={system.size}]")
    curve = _Curve(system_at, constant_input(system, x), system.size, high - low)
    upright = curve.upright() if span[1] > span[0] else -curve.upright()
    here = curve.land(curve.pack(start.detach().double().numpy(), span[0]), upright, upright)
    if here is None:
        raise DataError(
            f"no fixed point near the start at p = {span[0]:g}",
            hint="start from one of fixed_points(system_at(p)).points",
        )
    points, found, ended, length = [here], [], "step limit", FIRST
    while len(points) < steps and ended == "step limit":
        there = curve.step(here, length)
        if there is None:
            length /= 2
            ended = "no convergence" if length < SHORTEST else ended
            continue
        if not low <= there.parameter <= high:
            there, ended = curve.at_end(here, there, low if there.parameter < low else high), "end of the span"
        found += [b for kind in KINDS if (b := curve.located(here, there, kind, len(points) - 1)) is not None]
        points.append(there)
        here, length = there, min(1.5 * length, LONGEST)
    eigenvalues = torch.stack([p.eigenvalues for p in points])
    return Branch(
        parameters=torch.tensor([p.parameter for p in points], dtype=torch.float64),
        states=torch.stack([p.state for p in points]),
        eigenvalues=eigenvalues,
        stable=stability_of(eigenvalues).stable,
        bifurcations=tuple(found),
        ended=ended,
    )


@dataclass(frozen=True)
class _Point:
    """A point of the curve: its place y, the unit tangent there, what is at it, and the signs of the four tests."""

    y: np.ndarray
    tangent: np.ndarray
    state: Tensor
    parameter: float
    eigenvalues: Tensor
    signs: dict[str, float]


@dataclass(frozen=True)
class _Curve:
    """F(s, p) = s in y = (s/√S, p/width), so that steps mean the same in both."""

    system_at: Callable[[float], System | nn.Module]
    x: Tensor | None
    size: int
    width: float

    def pack(self, state: np.ndarray, parameter: float) -> np.ndarray:
        return np.append(state / self.size**0.5, parameter / self.width)

    def unpack(self, y: np.ndarray) -> tuple[Tensor, float]:
        return torch.from_numpy(y[:-1] * self.size**0.5), float(y[-1] * self.width)

    def upright(self) -> np.ndarray:
        """The direction of p alone."""
        return np.eye(self.size + 1)[-1]

    def evaluate(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, Tensor]:
        """F(s, p) − s [S], its derivative by y [S, S + 1], and ∂F/∂s [S, S]."""
        state, p = self.unpack(y)
        system, x = system_of(self.system_at(p)), None if self.x is None else self.x[None]
        with torch.no_grad():
            after, jacobian = system.step(state[None], x)[0], system.jacobian(state[None], x)[0]
            h = 1e-7 * max(abs(p), self.width)
            by_p = (system_of(self.system_at(p + h)).step(state[None], x)[0] - after) / h
        by_s = (jacobian - torch.eye(self.size, dtype=jacobian.dtype)) * self.size**0.5
        return (after - state).numpy(), torch.cat([by_s, by_p[:, None] * self.width], 1).numpy(), jacobian

    def land(self, y: np.ndarray, across: np.ndarray, before: np.ndarray) -> _Point | None:
        """The point of the curve in the plane through y across a direction, by Newton's method; None: none is near.

        Its tangent keeps the sense of `before`.
        """
        for _ in range(CORRECTIONS):
            residual, derivative, _ = self.evaluate(y)
            change = _solve(np.vstack([derivative, across]), np.append(-residual, 0.0))
            y, length = y + change, np.linalg.norm(change)
            if not length < 1:
                return None
            if length <= EXACT:  # the next one would be of its square
                break
        residual, derivative, jacobian = self.evaluate(y)
        if not np.linalg.norm(residual) <= EXACT * (1 + np.linalg.norm(y)):
            return None
        tangent = _solve(np.vstack([derivative, before]), self.upright())
        tangent = tangent / np.linalg.norm(tangent)
        state, parameter = self.unpack(y)
        eigenvalues = sorted_eigenvalues(jacobian)
        signs = {
            "fold": float(np.sign(tangent[-1])),
            "branch point": float(np.linalg.slogdet(np.vstack([derivative, tangent]))[0]),
            "flip": float(np.linalg.slogdet(jacobian.numpy() + np.eye(self.size))[0]),
            "Neimark–Sacker": _sign_of_pairs(eigenvalues.numpy()),
        }
        return _Point(y, tangent, state, parameter, eigenvalues, signs)

    def step(self, here: _Point, length: float) -> _Point | None:
        """The next point, or None where the step is too long."""
        there = self.land(here.y + length * here.tangent, here.tangent, here.tangent)
        return there if there is not None and there.tangent @ here.tangent > STRAIGHT else None

    def at_end(self, here: _Point, there: _Point, parameter: float) -> _Point:
        """The point between two where the parameter has this value."""
        share = (parameter - here.parameter) / (there.parameter - here.parameter)
        y = here.y + share * (there.y - here.y)
        y[-1] = parameter / self.width
        return self.land(y, self.upright(), here.tangent) or there

    def located(self, here: _Point, there: _Point, kind: str, after: int) -> Bifurcation | None:
        """The bifurcation of this kind between two points, if there is one."""
        if here.signs[kind] * there.signs[kind] >= 0:
            return None
        for _ in range(BISECTIONS):
            # Guessed between two points that come ever closer: near a branch point the curves are as close as these.
            chord = there.y - here.y
            middle = self.land(here.y + chord / 2, chord / np.linalg.norm(chord), here.tangent)
            if middle is None:
                break
            if middle.signs[kind] == here.signs[kind]:
                here = middle
            else:
                there = middle
            if np.linalg.norm(chord) < 1e-12:
                break
        if kind == "Neimark–Sacker" and not _has_pair_on_circle(there.eigenvalues):
            return None  # two real eigenvalues with product 1
        return Bifurcation(kind, there.parameter, there.state, there.eigenvalues, after)


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:  # at a branch point
        return np.linalg.lstsq(matrix, right)[0]


def _sign_of_pairs(eigenvalues: np.ndarray) -> float:
    """Of Π (λ_i λ_j − 1) over all pairs, which is real."""
    i, j = np.triu_indices(len(eigenvalues), 1)
    factors = eigenvalues[i] * eigenvalues[j] - 1
    size = np.abs(factors)
    return 0.0 if (size == 0).any() else float(np.sign(np.prod(factors / size).real))


def _has_pair_on_circle(eigenvalues: Tensor) -> bool:
    return bool((((eigenvalues.abs() - 1).abs() < 1e-6) & (eigenvalues.imag.abs() > 1e-6)).any())
