"""The flip-flop task: pulses, and what is to be remembered of them."""

import pytest
import torch

from unspool.errors import SettingError
from unspool.tasks import flip_flop


def test_the_target_is_the_last_pulse():
    x, y = flip_flop(8, 30, bits=2, seed=1, dtype=torch.float64)
    assert x.shape == y.shape == (8, 30, 2)
    assert x.dtype == y.dtype == torch.float64
    last = torch.zeros(8, 2, dtype=torch.float64)
    for t in range(30):
        last = torch.where(x[:, t] == 0, last, x[:, t])
        assert torch.equal(y[:, t], last)


def test_pulses_come_at_their_rate_with_either_sign():
    x, _ = flip_flop(200, 200, pulse_rate=0.1)
    assert (x[:, 0] != 0).all()
    later = x[:, 1:]
    n = later.numel()
    assert abs(float((later != 0).double().mean()) - 0.1) < 4 * (0.1 * 0.9 / n) ** 0.5
    assert abs(float(later.double().mean())) < 4 * (0.1 / n) ** 0.5
    assert set(x.unique().tolist()) == {-1, 0, 1}


def test_a_seed_gives_the_same_data_and_another_other_data():
    assert torch.equal(flip_flop(3, 9, seed=4)[0], flip_flop(3, 9, seed=4)[0])
    assert not torch.equal(flip_flop(3, 9, seed=4)[0], flip_flop(3, 9, seed=5)[0])


@pytest.mark.parametrize("wrong", [{"sequences": 0}, {"steps": 0}, {"bits": 0}, {"pulse_rate": 1.5}])
def test_bad_settings(wrong: dict):
    with pytest.raises(SettingError, match="flip-flop"):
        flip_flop(**{"sequences": 2, "steps": 3, **wrong})
