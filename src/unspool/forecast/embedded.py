"""Coded covariates as numbers per step: scaled values and masks as they are, categories as vectors that are learnt.

A category that was not there in training is read as the mean of the vectors of those that were; a missing one as zero.
"""

from typing import final

import torch
from torch import Tensor, nn

from unspool.forecast.coding import Beside


@final
class Embedded(nn.Module):
    """`Beside` → [.., channels].

    Args:
        sizes: for each covariate the number of its categories, or 0 where it is a number.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        categories = [size for size in sizes if size]
        self.vectors = nn.ParameterList(nn.Parameter(torch.randn(size, width(size))) for size in categories)
        self.channels = 2 * (len(sizes) - len(categories)) + sum(width(size) for size in categories)

    def forward(self, beside: Beside) -> Tensor:
        """The channels."""
        found = [beside.numbers]
        for k, vectors in enumerate(self.vectors):
            rule = torch.cat([vectors, vectors.mean(0, keepdim=True), torch.zeros_like(vectors[:1])])
            found.append(rule[beside.codes[..., k]])  # the last row is that of `NO_CATEGORY`, −1
        return torch.cat(found, -1)


def width(categories: int) -> int:
    """Numbers in the vector of a category: half as many as there are categories, 16 at most."""
    return min(16, (categories + 1) // 2)


def channels_of(sizes: tuple[int, ...]) -> list[list[int]]:
    """For each covariate its places in the channels of `Embedded`: a number's value and mask, a category's vector."""
    numbers = sum(not size for size in sizes)
    found, number, at = [], 0, 2 * numbers
    for size in sizes:
        if size:
            found.append(list(range(at, at + width(size))))
            at += width(size)
        else:
            found.append([number, numbers + number])
            number += 1
    return found
