"""Lorenz-96 and FitzHugh–Nagumo: trajectories against scipy's solver, answers against inputs, baselines."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from unspool.tasks import find_task
from unspool.tasks.fitzhugh_nagumo import fitzhugh_nagumo_flow
from unspool.tasks.lorenz_96 import lorenz_96_flow
from unspool.tasks.trajectory import trajectory


def lorenz_96_by_hand(t: float, x: np.ndarray) -> np.ndarray:
    n = len(x)
    return np.array([(x[(j + 1) % n] - x[j - 2]) * x[j - 1] - x[j] + 8 for j in range(n)])


def test_a_lorenz_96_trajectory_is_scipys():
    start = np.random.default_rng(0).normal(8, 1, 5)
    exact = solve_ivp(lorenz_96_by_hand, (0, 1), start, t_eval=np.linspace(0, 1, 11), rtol=1e-11, atol=1e-11).y.T
    found = trajectory(lorenz_96_flow, start[None], 0.1, 10, substeps=40)[0]
    np.testing.assert_allclose(found, exact, atol=1e-4)


def test_the_method_is_of_fourth_order():
    start = np.random.default_rng(1).normal(8, 1, (1, 5))
    exact = trajectory(lorenz_96_flow, start, 0.2, 1, 512)
    errors = [np.abs(trajectory(lorenz_96_flow, start, 0.2, 1, n) - exact).max() for n in (8, 16, 32)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert (abs(orders - 4) < 0.3).all(), orders


def test_a_fitzhugh_nagumo_sequence_is_scipys():
    def flow(t: float, y: np.ndarray) -> list[float]:
        v, w = y
        return [v - v**3 / 3 - w + 0.5, 0.02 * (v + 0.7 - 0.8 * w)]

    batch = find_task("fitzhugh-nagumo", length=250).draw(2, part="validation")
    for x, y in zip(batch.x, batch.y, strict=True):
        start = [float(x[0, 0]), 0.0]
        times = np.linspace(0, 100, 251)
        exact = solve_ivp(flow, (0, 100), start, t_eval=times, rtol=1e-10, atol=1e-10).y[0]
        np.testing.assert_allclose(x[:, 0], exact[:-1], atol=1e-4)
        np.testing.assert_allclose(y[:, 0], exact[1:], atol=1e-4)
    assert fitzhugh_nagumo_flow(np.zeros((1, 2))).tolist() == [[0.5, pytest.approx(0.014)]]


def test_lorenz_96_tells_the_state_25_steps_on():
    task = find_task("lorenz-96", length=60)
    batch = task.draw(8)
    assert batch.x.shape == batch.y.shape == (8, 60, 5)
    assert torch.equal(batch.x[:, 25:], batch.y[:, :-25])
    whole = torch.cat([task.draw(128, part="test", number=k).y for k in range(8)])
    assert task.baseline == 1
    assert float(whole.square().mean().sqrt()) == pytest.approx(1, abs=0.05)  # what predicting the mean, 0, scores


def test_what_predicting_the_mean_of_fitzhugh_nagumo_scores():
    task = find_task("fitzhugh-nagumo")
    y = torch.cat([task.draw(256, part="test", number=k).y for k in range(4)])
    assert task.baseline == pytest.approx(float(y.std()), abs=0.01)
