"""Choosing: frequencies are the probabilities, cut where they are to be cut."""

import numpy as np
import pytest
import torch
from torch import Tensor

from unspool.errors import SettingError
from unspool.text import Chooser
from unspool.text.sampling import gumbel

P = torch.tensor([0.1, 0.4, 0.2, 0.25, 0.05], dtype=torch.float64)


def shares(chooser: Chooser, p: Tensor = P) -> Tensor:
    """How often each symbol is chosen in 40 000 draws."""
    noise = gumbel(np.random.default_rng(0), (40_000, len(p)))
    chosen = chooser(p.log().expand(len(noise), -1), noise)
    return torch.bincount(chosen, minlength=len(p)) / len(noise)


def close(found: Tensor, expected: list[float] | Tensor):
    wanted = torch.as_tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(found.double(), wanted, atol=0.01, rtol=0)  # four standard errors
    assert not found[wanted == 0].any()


def test_as_they_are():
    close(shares(Chooser()), P)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_is_a_power(temperature: float):
    power = P ** (1 / temperature)
    close(shares(Chooser(temperature)), power / power.sum())


def test_temperature_0_is_the_likeliest():
    close(shares(Chooser(0)), [0, 1, 0, 0, 0])


def test_top_k_keeps_the_k_likeliest():
    close(shares(Chooser(top_k=2)), [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0])
    close(shares(Chooser(top_k=99)), P)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.3, [1]), (0.41, [1, 3]), (0.64, [1, 3]), (0.66, [1, 2, 3]), (0.9999, [0, 1, 2, 3, 4])]
)
def test_top_p_keeps_the_nucleus(top_p: float, kept: list[int]):
    expected = torch.zeros(5, dtype=torch.float64)
    expected[kept] = P[kept] / P[kept].sum()
    close(shares(Chooser(top_p=top_p)), expected)


def test_top_k_comes_before_top_p():
    # Of 0.4 and 0.25 alone, 0.4 is 62 %.
    close(shares(Chooser(top_k=2, top_p=0.6)), [0, 1, 0, 0, 0])


def test_what_is_impossible_is_never_chosen():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf]])
    assert Chooser()(logits, torch.tensor([[30.0, -30.0, 0.0]])).tolist() == [1]


@pytest.mark.parametrize(
    "options",
    [{"temperature": -1.0}, {"temperature": float("nan")}, {"temperature": float("inf")}, {"top_k": 0}]
    + [{"top_p": p} for p in (0.0, 1.5, -1.0, float("nan"))],
)
def test_what_has_no_meaning(options: dict):
    with pytest.raises(SettingError, match=f"{next(iter(options))} is"):
        Chooser(**options)
