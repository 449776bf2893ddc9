import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.optimize import root_scalar
from torch import Tensor

from unspool.dynamics.grossberg import (
    EnergyMonitor,
    RecallCurve,
    cohen_grossberg,
    competitive_field,
    distributed_memory,
    linear,
    recall_against_load,
    recall_competitive,
    recall_distributed,
    shares,
    trajectory,
)
from unspool.errors import DataError, SettingError, ShapeError


def signs(seed: int, *shape: int, share: float = 0.5) -> Tensor:
    on = torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < share
    return 2 * on.double() - 1


def overlap_in_theory(load: float) -> float:
    """The overlap m of a recalled pattern for N → ∞ and steep signals (Amit, Gutfreund & Sompolinsky 1985, T = 0).

    With y = m/√(2αr): m = erf y and y (√(2α) + (2/√π) e^{−y²}) = erf y, its root of largest y.
    """

    def gap(y: float) -> float:
        return math.erf(y) - y * (math.sqrt(2 * load) + 2 / math.sqrt(math.pi) * math.exp(-y * y))

    return math.erf(root_scalar(gap, bracket=(1.5, 10)).root)


def test_a_field_holds_a_pattern_after_its_cue_is_gone():
    """A linear signal: the ratios of what was shown, at the field's own total B − A/slope, for as long as one waits."""
    theta = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    field = competitive_field(4, linear(4.0))
    shown = trajectory(replace(field, I=2 * theta, J=2 * (1 - theta)), 0 * theta, (0.0, 5.0))[-1]
    held = trajectory(field, shown, (0.0, 10.0, 1000.0))
    for state in held[1:]:
        torch.testing.assert_close(shares(state), theta, rtol=1e-6, atol=1e-7)
        assert float(state.sum()) == pytest.approx(0.75, rel=1e-6)


def test_a_distributed_memory_comes_to_rest_at_the_pattern_it_was_cued_with():
    patterns = signs(1, 5, 100)
    cues = patterns * signs(2, 5, 100, share=0.85)
    network = distributed_memory(patterns)
    form = cohen_grossberg(network)
    states = trajectory(network, cues, torch.linspace(0, 10, 40, dtype=torch.float64))
    monitor = EnergyMonitor(form)
    for state in states:
        monitor.update(state)
    assert monitor.promised
    assert monitor.largest_growth <= 1e-9 * float(form.energy_change(states[-1], states[0]).max())
    torch.testing.assert_close(states[-1].sign(), patterns)
    torch.testing.assert_close(recall_distributed(patterns, cues).sign(), patterns)


@pytest.fixture(scope="module")
def distributed_curve() -> RecallCurve:
    return recall_against_load(recall_distributed, 400, (0.05, 0.1, 0.12, 0.2), cues=30, seed=1)


def test_recall_against_load_follows_the_theory_below_its_capacity(distributed_curve: RecallCurve):
    """Of the recalls that succeed, as the theory is; a finite network loses a few before its capacity."""
    for load, overlaps in list(zip(distributed_curve.loads, distributed_curve.overlaps, strict=True))[:3]:
        recalled = overlaps[overlaps > 0.9]
        error = float(recalled.std()) / math.sqrt(len(recalled))
        assert len(recalled) >= 0.8 * len(overlaps)
        assert float(recalled.mean()) == pytest.approx(overlap_in_theory(load), abs=3 * error + 1e-4)
    assert distributed_curve.cue_overlap == pytest.approx(0.8, abs=0.02)


def test_a_distributed_memory_loses_everything_above_its_capacity(distributed_curve: RecallCurve):
    """0.138 N, where the theory has no root left; a finite network's loss is spread around that."""
    with pytest.raises(ValueError, match="different signs"):
        overlap_in_theory(0.139)
    assert bool((distributed_curve.mean[:2] > 0.95).all())
    assert float(distributed_curve.mean[3]) < 0.5


def test_a_competitive_memory_holds_as_many_patterns_as_it_has_cells():
    curve = recall_against_load(recall_competitive, 40, (1.0, 2.0), flipped=0.05, cues=30, seed=1)
    assert float(curve.mean[0]) > 0.99
    kept = float((curve.overlaps[1] > 0.99).double().mean())
    assert kept == pytest.approx(0.5, abs=3 * math.sqrt(0.25 / 30))


def test_in_a_full_competitive_memory_the_newest_patterns_are_kept():
    patterns = signs(3, 6, 60)
    recalled = recall_competitive(patterns, patterns, cells=4).sign()
    exact = (recalled == patterns).all(-1)
    assert exact.tolist() == [False, False, True, True, True, True]


def test_a_curve_is_that_of_its_seed_and_of_any_memory():
    def forgetful(patterns: Tensor, cues: Tensor) -> Tensor:
        return cues if len(patterns) < 10 else torch.zeros_like(cues)

    curve = recall_against_load(forgetful, 20, (0.5, 0.2, 0.1, 0.1), flipped=0.25, trials=3, seed=4)
    again = recall_against_load(forgetful, 20, (0.5, 0.2, 0.1, 0.1), flipped=0.25, trials=3, seed=4)
    assert curve.patterns == (2, 4, 10)
    assert curve.loads == (0.1, 0.2, 0.5)
    assert [len(o) for o in curve.overlaps] == [6, 12, 30]
    assert curve.quantiles.shape == (3, 3)
    assert torch.equal(curve.mean, again.mean)
    assert float(curve.mean[-1]) == 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size": 0}, "size is 0"),
        ({"cues": 0}, "cues is 0"),
        ({"trials": 0}, "trials is 0"),
        ({"loads": ()}, "loads"),
        ({"loads": (0.1, -0.1)}, "loads"),
        ({"flipped": 1.5}, "flipped is 1.5"),
    ],
)
def test_bad_settings(wrong: dict[str, Any], says: str):
    with pytest.raises(SettingError, match=says):
        recall_against_load(**{"recall": recall_distributed, "size": 20, "loads": (0.1,), **wrong})


def test_a_memory_must_answer_every_cue():
    with pytest.raises(ShapeError, match=r"cues \[2, 20\] is \[2, 3\]"):
        recall_against_load(lambda patterns, cues: cues[:, :3], 20, (0.1,))


def test_bad_patterns():
    patterns = signs(1, 2, 10)
    with pytest.raises(ShapeError, match=r"cues are \[2, 9\] beside patterns \[2, 10\]"):
        recall_distributed(patterns, patterns[:, :9])
    with pytest.raises(DataError, match="patterns must be"):
        recall_competitive(patterns / 2, patterns)
    with pytest.raises(SettingError, match="cells is 0"):
        recall_competitive(patterns, patterns, cells=0)
    with pytest.raises(DataError, match="float64"):
        recall_distributed(patterns.float(), patterns)
    with pytest.raises(ShapeError, match="patterns are"):
        distributed_memory(patterns[0])
