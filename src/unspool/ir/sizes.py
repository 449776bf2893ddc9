"""Size letters: `H` a number of units, `H/N` the width of one of N equal blocks of H units.

A matrix ("H", "H/N") is block-diagonal from H units to H units: row j holds the weights of its own block,
the units (j // (H/N)) · H/N and on, and every other weight of the row is zero and not stored.
"""

from collections.abc import Mapping

from unspool.ir.nodes import Shape


def plain_letters(size: str) -> tuple[str, ...]:
    """The letters that a size is made of: H and N of `H/N`; none of a number, "" ."""
    return tuple(size.split("/")) if size else ()


def in_numbers(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """`shape` in numbers, given every letter's number; N divides H where `H/N` is in it."""
    numbers = []
    for size in shape:
        whole, *divisors = (sizes[letter] for letter in plain_letters(size))
        for divisor in divisors:
            whole //= divisor
        numbers.append(whole)
    return tuple(numbers)


def is_block_diagonal(matrix: Shape) -> bool:
    """Whether a matrix of this shape is block-diagonal."""
    return len(matrix) == 2 and "/" in matrix[1]
