"""A network looked at from every side: all analyses along one course of inputs, and what they say together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from unspool.dynamics.equation.certificate import Certificate, certificate
from unspool.dynamics.equation.generator import Reading
from unspool.dynamics.equation.ode import Ode, as_ode
from unspool.dynamics.equilibria.fixed_points import FixedPoints, fixed_points
from unspool.dynamics.equilibria.plane import Portrait, phase_portrait, plane_through
from unspool.dynamics.equilibria.starts import start_states
from unspool.dynamics.gradients.horizon import GradientHorizon, gradient_horizon
from unspool.dynamics.gradients.memory import UnitMemory, unit_memory
from unspool.dynamics.gradients.remedies import Remedy, remedies
from unspool.dynamics.inspection.diagnosis import Diagnosis, diagnose
from unspool.dynamics.inspection.driven import Driven, drive
from unspool.dynamics.spectra.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from unspool.dynamics.spectra.spectrum import JacobianSpectrum, jacobian_spectrum
from unspool.dynamics.systems.system import LayerSystem, system_of
from unspool.dynamics.systems.trajectory import run
from unspool.errors import SettingError, UnspoolError

READINGS: tuple[Reading, ...] = ("forward", "exact", "backward")

COMFORTABLE = 64
"""Numbers in a state up to which the samples below are taken; of a larger one fewer, for each costs its cube."""
EXPONENTS, SAMPLES, STRETCHES, STARTS = 64, 64, 10, 300
"""Lyapunov exponents; states whose Jacobians are decomposed; products of Jacobians; searches for fixed points."""
SHORTEST = 50
"""Steps in a stretch, where the course has as many: horizons are rarely shorter."""
PATHS, PATH = 14, 60
"""Trajectories in the phase portrait, and their steps."""

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found out about a layer. A result that could not be had is None, and `missing` says why.

    Attributes:
        cell: the cell's name.
        num_layers, input_size, size: L; I; S, numbers in the state of all layers.
        driven: whether the inputs varied; otherwise one input was held, and the layer left to itself.
        sequences, steps: B sequences of T steps that were measured along, after the transient.
        escaped: the step at which the state left all bounds, which ends the course; None if it did not.
        needed: steps back that the task needs; None if that is not known.
        spectrum: of the Jacobian at N states of the course.
        lyapunov: the largest exponents along the course.
        horizon: of gradients, along stretches of the course.
        memory: of every unit.
        fixed_points: under the mean input of the course.
        portrait: the flow under that input, and trajectories released from states of the course.
        visited: [N, 2], states of the course on the portrait's plane.
        odes: the differential equation by reading, at the fixed point that most searches ended at, of the stable ones
            if there are; without any at the course's last state.
        certificate: at N states of the course, one step each.
        missing: analysis → why there is none; an equation's is called `ode exact`.
        remedies: what applies, the most direct first.
        reach: steps back for which the remedies are: `needed`, or twice the horizon where that is not known.
        diagnosis: all of it in plain words.
    """

    cell: str
    num_layers: int
    input_size: int
    size: int
    driven: bool
    sequences: int
    steps: int
    escaped: int | None
    needed: int | None
    spectrum: JacobianSpectrum | None
    lyapunov: LyapunovSpectrum | None
    horizon: GradientHorizon | None
    memory: tuple[UnitMemory, ...] | None
    fixed_points: FixedPoints | None
    portrait: Portrait | None
    visited: Tensor | None
    odes: Mapping[Reading, Ode]
    certificate: Certificate | None
    missing: Mapping[str, str]
    remedies: tuple[Remedy, ...]
    reach: int | None
    diagnosis: Diagnosis


def inspect(
    layer: nn.Module,
    x: Tensor | None = None,
    *,
    steps: int = 1000,
    needed: int | None = None,
    epsilon: float = 1e-3,
    count: int | None = None,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Inspection:
    """Look at a recurrent layer as a dynamical system: how far back it can learn from, what limits it, what to try.

    Args:
        layer: a recurrent layer in one direction; it is copied to float64, not changed.
        x: [T, I] or [B, T, I], inputs like those it is to work with; without them its input is zero.
        steps: to measure along, B · T at most; of longer inputs the last ones are taken. Their first tenth is dropped.
        needed: steps back that the task needs.
        epsilon: the share of a gradient's norm below which it counts as lost, see `gradient_horizon`.
        count: Lyapunov exponents; by default all, or the largest 64.
        seed: of whatever is drawn.
        tell: called with the name of each analysis as it begins.

    Raises:
        SettingError: no such layer, or a number out of its range.
        ShapeError: x does not fit.
        DataError: a weight or an input is not finite, or the state leaves all bounds at once.

    Cost: O(steps · S³); seconds for 64 numbers in the state, and fewer samples are taken from 64 on.
    """
    system = system_of(layer)
    if not isinstance(system, LayerSystem):
        raise SettingError(f"{type(layer).__name__} is not a recurrent layer", hint="give a layer of unspool.nn")
    if steps < 10 or (needed is not None and needed < 1) or (count is not None and count < 1):
        raise SettingError(f"steps is {steps}, needed {needed}, count {count}; at least 10, 1 and 1")
    if not 0 < epsilon < 1:
        raise SettingError(f"epsilon is {epsilon}; it is a share of a norm, between 0 and 1")
    missing: dict[str, str] = {}

    def attempt(name: str, analysis: Callable[[], Result]) -> Result | None:
        tell(name)
        try:
            return analysis()
        except UnspoolError as error:
            missing[name] = error.message
            return None

    tell("course")
    course = drive(system, x, steps, seed)
    share = min(1.0, COMFORTABLE / system.size)
    sample = course.sample(max(4, round(SAMPLES * share)))
    starts = max(30, round(STARTS * share))
    held = course.x.mean((0, 1))
    spectrum = attempt("spectrum", lambda: jacobian_spectrum(system, *sample))
    lyapunov = attempt("lyapunov", lambda: _lyapunov(course, count, seed))
    horizon = attempt("horizon", lambda: _horizon(course, needed, max(1, round(STRETCHES * share)), epsilon))
    memory = attempt("memory", lambda: unit_memory(system.layer, course.x, initial_state=course.initial_state))
    visited = course.sample(starts // 2)[0] if course.driven else None
    found = attempt("fixed points", lambda: fixed_points(system, held, initial_states=visited, count=starts, seed=seed))
    portrait = attempt("portrait", lambda: _portrait(system, held, visited, found, seed))
    state = _rest(found, course)
    odes: dict[Reading, Ode] = {}
    for reading in READINGS:
        if ode := attempt(f"ode {reading}", partial(as_ode, system, reading, state=state, x=held)):
            odes[reading] = ode
    equivalence = attempt("certificate", lambda: certificate(system, sample[1][:, None], sample[0]))
    reach = needed if needed or not horizon or not horizon.horizon else 2 * horizon.horizon
    tried = remedies(system.layer, horizon, needed=reach).remedies if horizon else ()
    return Inspection(
        cell=system.layer.graph.name,
        num_layers=system.layer.num_layers,
        input_size=system.input_size,
        size=system.size,
        driven=course.driven,
        sequences=len(course.x),
        steps=course.x.shape[1],
        escaped=course.escaped,
        needed=needed,
        spectrum=spectrum,
        lyapunov=lyapunov,
        horizon=horizon,
        memory=memory,
        fixed_points=found,
        portrait=portrait,
        visited=portrait.plane.project(course.sample(400)[0]) if portrait and course.driven else None,
        odes=odes,
        certificate=equivalence,
        missing=missing,
        remedies=tried,
        reach=reach,
        diagnosis=diagnose(horizon, lyapunov, memory, found, tried, needed, course.escaped),
    )


def _lyapunov(course: Driven, count: int | None, seed: int) -> LyapunovSpectrum:
    system = course.system
    count = min(system.size, EXPONENTS if count is None else count)
    state = course.initial_state
    return lyapunov_spectrum(system, course.x, count=count, initial_state=state, discard=0, seed=seed)


def _horizon(course: Driven, needed: int | None, stretches: int, epsilon: float) -> GradientHorizon:
    sequences, steps = course.x.shape[:2]
    longest = min(steps, max(needed or 0, sequences * steps // STRETCHES, SHORTEST))
    found = _over(course, longest, stretches, epsilon)
    if found.horizon is None and found.slope < 0 and longest < steps:
        return _over(course, steps, stretches, epsilon)  # it reaches further than was looked
    return found


def _over(course: Driven, longest: int, stretches: int, epsilon: float) -> GradientHorizon:
    state, inputs = course.stretches(longest, stretches)
    return gradient_horizon(course.system, inputs, initial_state=state, epsilon=epsilon)


def _portrait(
    system: LayerSystem, held: Tensor, visited: Tensor | None, found: FixedPoints | None, seed: int
) -> Portrait:
    """Trajectories from states of the course, or random ones, under the input held; on the plane of the course."""
    starts, _ = start_states(system, held, visited, PATHS if visited is None else len(visited), seed)
    starts = starts[torch.linspace(0, len(starts) - 1, min(PATHS, len(starts))).long()]
    after = run(system, starts, held.expand(len(starts), PATH, -1), PATH)
    paths = torch.cat([starts[:, None], after], 1)
    plane = plane_through(paths if visited is None else visited)
    return phase_portrait(system, paths, held, points=None if found is None else found.points, plane=plane)


def _rest(found: FixedPoints | None, course: Driven) -> Tensor:
    """Where the equation is read: where the network would come to rest."""
    if found is None or not len(found.points):
        return course.states[0, -1]
    return found.points[(found.counts + found.counts.sum() * found.stable).argmax()]
