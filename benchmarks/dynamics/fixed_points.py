"""Fixed points of a trained GRU-64 from 1,000 states, beside Adam on q: `python -m benchmarks.dynamics.fixed_points`.

The GRU learns the 3-bit flip-flop (loss printed); the initial states are those of trajectories on the task's data plus
normal noise of 0.1. Ours searches, verifies and takes eigenvalues.
The rival minimises the mean of q = ½‖F(s) − s‖² over all states by Adam in float32 on torch.nn.GRU, with the published
defaults of FixedPointFinder (Golub & Sussillo 2018, JOSS 3(31), 1003; github.com/mattgolub/fixed-point-finder): up to
5,000 iterations, until every state has q < 1e-12 or its q changes by less than 1e-20 times the learning rate. Three
versions of its optimiser were published, and all are run:

    plateau   FixedPointFinderTorch.py, its later version: rate 1, times 0.95 where the mean q has not improved for 5
              iterations (ReduceLROnPlateau)
    steps     FixedPointFinderTorch.py at commit f9f85e6: rate 0.05, times 0.7 every 500 iterations
    adaptive  FixedPointFinder.py for TensorFlow, with AdaptiveLearningRate.py and AdaptiveGradNormClip.py: rate from 1,
              times 0.95 after a q above all of the last 5, divided by 0.95 after 5 falls in a row; ε = 0.01; gradients
              clipped at the 95th percentile of the last 128 norms

Its time is that of the optimisation alone. Then, not timed, our solver goes on from its end states in float64: a fixed
point that is verified, and within 1e-3 of such a state in every number (its tol_unique), counts for the rival, once.
How many there would be without that limit is printed beside. Ours is run before and after each rival in the same
process, and the ratios, of seconds and of processor seconds, are to the mean of the two.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import numpy as np
import torch
import typer
from rich.console import Console
from torch import Tensor, nn

from unspool.dynamics.equilibria.fixed_points import FixedPoints, fixed_points
from unspool.dynamics.equilibria.newton import FixedPointEquations, Roots, solve
from unspool.dynamics.equilibria.starts import spread_of
from unspool.dynamics.equilibria.verified import verified
from unspool.dynamics.systems.system import as_system, system_of
from unspool.nn import GRU, LSTM
from unspool.tasks import flip_flop
from unspool.train import TrainSettings, fit

Result = TypeVar("Result")
CONSOLE = Console(highlight=False, soft_wrap=True)
BITS, STEPS = 3, 40
ITERATIONS, TOL_Q, TOL_DQ, TOL_UNIQUE = 5000, 1e-12, 1e-20, 1e-3


@dataclass
class Rates:
    """A learning rate as an optimiser's author adapts it: called with the mean q of every iteration."""

    rate: float
    epsilon: float = 1e-8
    clip: float = float("inf")

    def after(self, iteration: int, mean_q: float, norm: float) -> None: ...


@dataclass
class Plateau(Rates):
    rate: float = 1.0
    best: float = float("inf")
    waited: int = 0

    def after(self, iteration: int, mean_q: float, norm: float) -> None:
        improved = mean_q < self.best * (1 - 1e-4)
        self.best, self.waited = (mean_q, 0) if improved else (self.best, self.waited + 1)
        if self.waited > 5:
            self.rate, self.waited = 0.95 * self.rate, 0


@dataclass
class Steps(Rates):
    rate: float = 0.05

    def after(self, iteration: int, mean_q: float, norm: float) -> None:
        if iteration % 500 == 0:
            self.rate *= 0.7


class Adaptive(Rates):
    def __init__(self) -> None:
        super().__init__(1.0, 0.01, 1e12)
        self.q: list[float] = []
        self.norms: list[float] = []
        self.changed = 0

    def after(self, iteration: int, mean_q: float, norm: float) -> None:
        self.q, self.norms = [*self.q, mean_q][-6:], [*self.norms, norm][-128:]
        self.clip = float(np.percentile(self.norms, 95))
        if iteration < self.changed + 5 or len(self.q) < 6:
            return
        if self.q[-1] > max(self.q[:-1]):
            self.rate, self.changed = 0.95 * self.rate, iteration
        elif all(b < a for a, b in itertools.pairwise(self.q)):
            self.rate, self.changed = self.rate / 0.95, iteration


RIVALS: dict[str, Callable[[], Rates]] = {"plateau": Plateau, "steps": Steps, "adaptive": Adaptive}


def adam_on_q(layer: GRU, states: Tensor, rates: Rates) -> tuple[Tensor, int]:
    """End states [N, S] in float64 and iterations taken."""
    rnn = nn.GRU(layer.input_size, layer.hidden_size, batch_first=True)
    rnn.load_state_dict(layer.state_dict())
    rnn.requires_grad_(False)
    x = states.float()[None].clone().requires_grad_()
    inputs = torch.zeros(len(states), 1, layer.input_size)
    optimizer = torch.optim.Adam([x], lr=rates.rate, eps=rates.epsilon)
    before, iteration = torch.full((len(states),), torch.nan), 0
    for iteration in range(1, ITERATIONS + 1):
        optimizer.zero_grad()
        q = 0.5 * (x - rnn(inputs, x)[1])[0].square().sum(1)
        mean = q.mean()
        mean.backward()
        norm = float(nn.utils.clip_grad_norm_([x], rates.clip))
        optimizer.step()
        rates.after(iteration, float(mean.detach()), norm)
        optimizer.param_groups[0]["lr"] = rates.rate
        q = q.detach()
        if bool(((q < TOL_Q) | ((q - before).abs() < TOL_DQ * rates.rate)).all()):
            break
        before = q
    return x.detach()[0].double(), iteration


def verified_points(layer: nn.Module, ends: Tensor, spread: float) -> tuple[int, int]:
    """How many distinct fixed points end states are within TOL_UNIQUE of, and how many can be reached from them."""
    equations = FixedPointEquations(system_of(layer), None)
    with torch.no_grad():
        roots = solve(equations, ends, 1e-12, spread)
        near = (roots.states - ends).abs().amax(1) <= TOL_UNIQUE
        found, reached = (
            verified(equations, Roots(roots.states, roots.norms, solved), 1e-12, 1e-6, spread)
            for solved in (roots.solved & near, roots.solved)
        )
    return len(found.states), len(reached.states)


def trained(layer: GRU | LSTM, steps: int, seed: int) -> float:
    """Teach the layer the flip-flop; its validation loss (mean squared error)."""
    readout = nn.Linear(layer.hidden_size, BITS)
    model = nn.ModuleDict({"layer": layer, "readout": readout})

    def loss(_: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return (readout(layer(batch[0])[0]) - batch[1]).square().mean()

    batches = (flip_flop(64, STEPS, bits=BITS, seed=1000 * seed + k) for k in itertools.count())
    valid = flip_flop(256, STEPS, bits=BITS, seed=10**9)
    settings = TrainSettings(steps=steps, learning_rate=2e-2, weight_decay=0.0)
    return fit(model, batches, loss, lambda m: float(loss(m, valid)), settings).best_loss


def states_of(layer: GRU | LSTM, count: int, noise: float, seed: int) -> Tensor:
    """States [N, S] of trajectories on the task, with noise."""
    system = as_system(layer)
    x, _ = flip_flop(64, STEPS, bits=BITS, seed=7, dtype=system.dtype)
    with torch.no_grad():
        states = system.trajectory(torch.zeros(64, system.size, dtype=system.dtype), x).flatten(0, 1).double()
    generator = torch.Generator().manual_seed(seed)
    chosen = states[torch.randint(0, len(states), (count,), generator=generator)]
    return chosen + noise * torch.randn(chosen.shape, generator=generator, dtype=chosen.dtype)


def line(found: FixedPoints) -> str:
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(found.kinds).items()))
    by_unstable = torch.bincount(found.unstable).tolist()
    return (
        f"{len(found.points)} points: {kinds}; {int(found.stable.sum())} stable; unstable directions {by_unstable}; "
        f"largest residual {float(found.residuals.max()):.1e}, error {float(found.errors.max()):.1e}; "
        f"{len(found.slow_points)} slow points"
    )


def main(
    count: Annotated[int, typer.Option(help="Initial states.")] = 1000,
    noise: Annotated[float, typer.Option(help="Standard deviation added to them.")] = 0.1,
    training: Annotated[int, typer.Option(help="Optimiser steps of training.")] = 500,
    rivals: Annotated[str, typer.Option(help="Comma-separated; 'none' for ours alone.")] = ",".join(RIVALS),
    seed: Annotated[int, typer.Option(help="Of weights, training and initial states.")] = 0,
) -> None:
    """Measure and print."""
    names = [n for n in rivals.split(",") if n and n != "none"]
    if unknown := [n for n in names if n not in RIVALS]:
        raise typer.BadParameter(f"--rivals: {', '.join(unknown)}; known: {', '.join(RIVALS)}")
    torch.manual_seed(seed)
    lstm = LSTM(BITS, 16, batch_first=True)
    CONSOLE.print(f"LSTM-16, flip-flop, loss {trained(lstm, training, seed):.1e}: {line(fixed_points(lstm))}")
    gru = GRU(BITS, 64, batch_first=True)
    loss = trained(gru, training, seed)
    states = states_of(gru, count, noise, seed)

    def ours() -> tuple[FixedPoints, np.ndarray]:
        return timed(lambda: fixed_points(gru, initial_states=states, count=count))

    ours()  # compiles
    found, turn = ours()
    CONSOLE.print(f"GRU-64, flip-flop, loss {loss:.1e}, {count} states, noise {noise}: {line(found)}")
    turns = [turn]
    for name in names:
        (ends, iterations), spent = timed(lambda name=name: adam_on_q(gru, states, RIVALS[name]()))
        points, reached = verified_points(gru, ends, spread_of(states))
        turns.append(ours()[1])
        mean = (turns[-1] + turns[-2]) / 2
        CONSOLE.print(
            f"row fixed_points rival={name} iterations={iterations} "
            f"rival_points={points} within_reach={reached} ours_points={len(found.points)} "
            f"rival_s={spent[0]:.2f} ours_s={mean[0]:.2f} ratio={spent[0] / mean[0]:.1f} "
            f"rival_cpu_s={spent[1]:.2f} ours_cpu_s={mean[1]:.2f} cpu_ratio={spent[1] / mean[1]:.1f}"
        )
    seconds = np.array(turns)[:, 0]
    CONSOLE.print(f"ours: median {np.median(seconds):.2f} s of {len(turns)} ({seconds.min():.2f}–{seconds.max():.2f})")


def timed(call: Callable[[], Result]) -> tuple[Result, np.ndarray]:
    """What it returns, and (seconds, processor seconds of all threads) spent."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return result, np.array([time.perf_counter() - wall, time.process_time() - processor])


if __name__ == "__main__":
    typer.run(main)
