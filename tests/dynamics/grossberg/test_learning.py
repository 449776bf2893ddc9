import pytest
import torch

from tests.dynamics.grossberg.networks import random_shunting, uniform
from unspool.dynamics.grossberg import Additive, Learner, linear, sampled, shares, trajectory
from unspool.dynamics.grossberg.learning import Rule
from unspool.dynamics.systems.functions import flow_system
from unspool.errors import DataError, SettingError, ShapeError

THETA = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
OTHER = THETA.flip(0)
SIZE = 5
SOURCE, BORDER = 0, slice(1, SIZE)


def outstar(source: float, pattern: torch.Tensor) -> Learner:
    """Unit 0 with paths to units 1 … 4, which are shown a pattern; the paths are weak beside the pattern's input."""
    paths = torch.zeros(SIZE, SIZE, dtype=torch.float64)
    paths[SOURCE, BORDER] = 1
    inputs = torch.cat([torch.tensor([source], dtype=torch.float64), pattern])
    f = linear()
    network = Additive(B=0.2 * paths, C=0 * paths, f=f, g=f, I=inputs)
    return Learner(network=network, rule="outstar", M=0.1 * paths, f=f, h=f)


def run(learner: Learner, state: torch.Tensor, duration: float) -> torch.Tensor:
    return trajectory(learner, state, (0.0, duration))[-1]


def start(z: torch.Tensor) -> torch.Tensor:
    return outstar(0, THETA).joined(torch.zeros(SIZE, dtype=torch.float64), z)


def traces(state: torch.Tensor) -> torch.Tensor:
    return outstar(0, THETA).parts(state)[1][SOURCE, BORDER]


def test_held_activities_are_learned_along_one_exponential():
    """ż = M f [h − z] from z(0): z(t) = h + (z(0) − h) e^{−M f t}, for both rules."""
    z, gate, target = uniform(1, 3, 4), uniform(2, 3), uniform(3, 4)
    found = sampled(z, gate, target, "outstar", 2.0)
    for i in range(3):
        for j in range(4):
            expected = target[j] + (z[i, j] - target[j]) * torch.exp(-2 * gate[i])
            assert float(found[i, j]) == pytest.approx(float(expected), abs=1e-15)
    torch.testing.assert_close(sampled(z.mT, gate, target, "instar", 2.0), found.mT)


@pytest.mark.parametrize("rule", ["outstar", "instar"])
def test_the_joint_equation_of_fast_activities_is_that_law(rule: Rule):
    """Activities at rest, undisturbed by the traces: the joint system has the same traces as the law by itself."""
    x = uniform(4, SIZE)
    silent = torch.zeros(SIZE, SIZE, dtype=torch.float64)
    f, h = linear(2.0), linear(0.5)
    network = Additive(B=silent, C=silent, f=f, g=f, I=x)
    learner = Learner(network=network, rule=rule, M=0.3, f=f, h=h)
    z = uniform(5, SIZE, SIZE)
    activity, learned = learner.parts(run(learner, learner.joined(x, z), 3.0))
    torch.testing.assert_close(activity, x)
    expected = sampled(z, 0.3 * f(x), h(x), rule, 3.0)
    torch.testing.assert_close(learned, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("intensity", [0.1, 10.0])
def test_an_outstar_learns_a_patterns_ratios_at_any_intensity(intensity: float):
    state = run(outstar(1.0, intensity * THETA), start(uniform(6, SIZE, SIZE)), 400)
    torch.testing.assert_close(shares(traces(state)), THETA, rtol=1e-6, atol=1e-7)


def test_it_recalls_the_pattern_when_its_source_is_active_and_the_pattern_gone():
    learned = run(outstar(1.0, THETA), start(torch.zeros(SIZE, SIZE, dtype=torch.float64)), 300)
    rest = run(outstar(0.0, 0 * THETA), learned, 30)
    recalled, _ = outstar(0, THETA).parts(run(outstar(1.0, 0 * THETA), rest, 5))
    torch.testing.assert_close(shares(recalled[BORDER]), THETA, rtol=1e-5, atol=1e-6)


def test_it_forgets_only_while_it_samples():
    learned = run(outstar(1.0, THETA), start(torch.zeros(SIZE, SIZE, dtype=torch.float64)), 300)
    quiet = run(outstar(0.0, 0 * OTHER), learned, 40)  # until the source's own activity is gone
    kept = run(outstar(0.0, 5 * OTHER), quiet, 500)
    torch.testing.assert_close(traces(kept), traces(quiet), rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(shares(traces(kept)), THETA, rtol=1e-5, atol=1e-6)
    relearned = run(outstar(1.0, 5 * OTHER), kept, 300)
    torch.testing.assert_close(shares(traces(relearned)), OTHER, rtol=1e-5, atol=1e-6)


def test_traces_without_a_path_do_not_learn():
    z = uniform(7, SIZE, SIZE)
    after = outstar(0, THETA).parts(run(outstar(1.0, THETA), start(z), 50))[1]
    still = torch.ones(SIZE, SIZE, dtype=torch.bool)
    still[SOURCE, BORDER] = False
    torch.testing.assert_close(after[still], z[still], rtol=0, atol=1e-12)


def test_a_shunting_network_learns_too_and_is_a_system():
    learner = Learner(network=random_shunting(8, 3), rule="instar", M=0.5, f=linear(), h=linear())
    assert learner.size == 12
    state = uniform(9, 2, 12)
    system = flow_system(learner.rate, learner.size, dt=0.001)
    exact = trajectory(learner, state, (0.0, 0.001))[-1]
    torch.testing.assert_close(system.step(state), exact, rtol=0, atol=1e-9)
    activity, z = learner.parts(state)
    torch.testing.assert_close(learner.joined(activity, z), state)
    both = torch.stack([learner.rate(s) for s in state])
    torch.testing.assert_close(learner.rate(state), both)


def test_bad_settings():
    network = random_shunting(0, 3)
    with pytest.raises(SettingError, match="M goes below 0"):
        Learner(network=network, rule="outstar", M=-1.0, f=linear(), h=linear())
    with pytest.raises(SettingError, match="no rule 'hebb'"):
        Learner(network=network, rule="hebb", M=1.0, f=linear(), h=linear())  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="M is, or has, NaN"):
        Learner(network=network, rule="outstar", M=float("nan"), f=linear(), h=linear())
    with pytest.raises(ShapeError, match="S=12"):
        Learner(network=network, rule="outstar", M=1.0, f=linear(), h=linear()).rate(uniform(1, 3))
