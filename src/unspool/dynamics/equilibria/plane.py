"""The phase portrait of a network: its flow, trajectories and fixed points on a plane through state space.

Of a system of two numbers the plane is all of state space. Of a larger one it is spanned by the two principal axes of
the states shown: what the network does across the plane is not seen, and `share` says how much of the states' spread
lies in it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unspool.dynamics.equilibria.newton import FixedPointEquations
from unspool.dynamics.equilibria.starts import check_double
from unspool.dynamics.systems.system import System, system_of
from unspool.dynamics.systems.trajectory import constant_input
from unspool.errors import DataError, SettingError, ShapeError


@dataclass(frozen=True)
class Plane:
    """A plane through state space: s = origin + u axes[0] + v axes[1].

    Attributes:
        origin: [S].
        axes: [2, S], orthonormal.
        share: of the variance of the states that it was laid through, what lies in the plane, 0 to 1.
    """

    origin: Tensor
    axes: Tensor
    share: float

    def project(self, states: Tensor) -> Tensor:
        """Coordinates (u, v) [..., 2] of states [..., S]."""
        return (states - self.origin) @ self.axes.mT

    def lift(self, places: Tensor) -> Tensor:
        """States [..., S] of coordinates (u, v) [..., 2]."""
        return self.origin + places @ self.axes


@dataclass(frozen=True)
class Portrait:
    """What a phase portrait shows, as data.

    Attributes:
        plane: the plane.
        u: [n], coordinates of the grid's columns.
        v: [n], coordinates of the grid's rows.
        flow: [n, n, 2], the change (Δu, Δv) in one step from row v and column u of the grid.
        speed: [n, n], length of the whole change, also of what leaves the plane.
        trajectories: [N, T + 1, 2], or [N, 2] of single states.
        points: [P, 2], fixed points.
    """

    plane: Plane
    u: Tensor
    v: Tensor
    flow: Tensor
    speed: Tensor
    trajectories: Tensor
    points: Tensor


def plane_through(states: Tensor) -> Plane:
    """The plane of two principal axes of states [..., S]; the whole state space where S is 2.

    Raises:
        ShapeError: S is 1.
        DataError: a state is not finite.
    """
    states = states.detach().double().flatten(0, -2)
    size = states.shape[-1]
    if size < 2 or not len(states):
        raise ShapeError(
            f"states are {list(states.shape)}; a plane needs at least one state of two numbers, [N, S ≥ 2]"
        )
    if not states.isfinite().all():
        raise DataError("the states hold NaN or infinity")
    if size == 2:
        return Plane(torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64), 1.0)
    origin = states.mean(0)
    # Rows of zeros give two axes even where there is only one state.
    centred = torch.cat([states - origin, states.new_zeros(2, size)])
    _, lengths, axes = torch.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * torch.sign(axes[:2].gather(1, axes[:2].abs().argmax(1, keepdim=True)))
    variance = lengths.square()
    return Plane(origin, axes, float(variance[:2].sum() / variance.sum()) if variance.sum() > 0 else 1.0)


def phase_portrait(
    layer: nn.Module | System,
    states: Tensor,
    x: Tensor | None = None,
    *,
    points: Tensor | None = None,
    plane: Plane | None = None,
    cells: int = 24,
) -> Portrait:
    """The flow of a layer under the constant input x, around trajectories.

    Args:
        layer: a recurrent layer in one direction, which is not changed, or any `System` in float64.
        states: [N, T + 1, S], trajectories; [N, S] is N single states. The plane is laid through them.
        x: [I]; zero by default.
        points: [P, S], fixed points to be shown; they widen the picture as the trajectories do.
        plane: another plane than the principal one.
        cells: intervals of the grid in each direction.

    Raises:
        SettingError, ShapeError, DataError: no such system; states or points that do not fit or are not finite.

    Cost: (cells + 1)² steps, all at once.
    """
    system = system_of(layer)
    check_double(system)
    x = constant_input(system, x)
    points = states.new_zeros(0, system.size) if points is None else points
    for name, given in (("states", states), ("points", points)):
        if given.shape[-1] != system.size or given.dim() < 2:
            raise ShapeError(f"{name} is {list(given.shape)}; the state of this system is [S={system.size}]")
    if cells < 1:
        raise SettingError(f"cells is {cells}; a grid has at least 1 interval in each direction")
    plane = plane_through(states) if plane is None else plane
    paths = plane.project(states.detach().double())
    shown = plane.project(points.detach().double())
    seen = torch.cat([paths.flatten(0, -2), shown])
    low, high = seen.amin(0), seen.amax(0)
    margin = 0.1 * (high - low).clamp(min=1e-3)
    u, v = (
        torch.linspace(float(a), float(b), cells + 1, dtype=torch.float64)
        for a, b in zip(low - margin, high + margin, strict=True)
    )
    grid = torch.stack(torch.meshgrid(u, v, indexing="xy"), -1)
    with torch.no_grad():
        change = FixedPointEquations(system, x).residual(plane.lift(grid).flatten(0, 1)).unflatten(0, grid.shape[:2])
    return Portrait(plane, u, v, change @ plane.axes.mT, change.norm(dim=-1), paths, shown)
