"""Members: models of one kind that forecast together. Their quantiles are averaged, or their paths drawn in turn."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unspool.forecast.model import SAMPLED, ForecastModel, quantiles_of
from unspool.forecast.windows import Window

BATCH = 2048
"""Windows that are evaluated at once: what a network keeps of them is the most memory that a fit takes."""


@torch.inference_mode()
def average(members: Sequence[ForecastModel], window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Mean quantiles [B, H, Q] of the members and the unit [B], float64. Averages of ordered quantiles are ordered.

    Members that are fed their forecast share the paths whose quantiles are taken instead, as they share any others.
    """
    quantiles, unit = [], []
    for part in window.parts(BATCH):
        if len(members) > 1 and members[0].settings.is_fed:
            quantiles.append(_shared(members, part))
            unit.append(torch.ones(len(part.past), dtype=torch.float64))
            continue
        results = [member(part) for member in members]
        quantiles.append(torch.stack([q.double() for q, _ in results]).mean(0))
        unit.append(results[0][1].double())
    return torch.cat(quantiles).numpy(), torch.cat(unit).numpy()


def drawn(members: Sequence[ForecastModel], window: Window, count: int, noise: dict[str, Tensor]) -> Tensor:
    """[B, count, H] paths, of the members in turn, in units of the series' scale; noise as in `ForecastModel.paths`."""
    shares = []
    for number, member in enumerate(members[:count]):
        part = {name: n[:, number :: len(members)] for name, n in noise.items()}
        shares.append(member.paths(window, len(range(number, count, len(members))), part))
    return torch.cat(shares, 1)


def _shared(members: Sequence[ForecastModel], window: Window) -> Tensor:
    """[B, H, Q] quantiles of `SAMPLED` paths of all members, of the noise of `ForecastModel.forward`."""
    settings = members[0].settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        noise = members[0].head.noise(1, SAMPLED, settings.horizon)
        return quantiles_of(drawn(members, window, SAMPLED, noise), settings).double()
