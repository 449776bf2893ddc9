"""The kind of a fixed point or cycle, from the eigenvalues of the map's Jacobian there.

| kind | eigenvalues λ | nearby |
|---|---|---|
| node | all inside the unit circle, or all outside; the largest is real | straight in, or out |
| focus | the same; the largest are a complex pair | turning in, or out |
| saddle | some inside, some outside | in along some directions, out along others |
| fold | one is 1 | two points meet, or a continuum of them: the linear theory does not tell |
| flip | one is −1 | a cycle of twice the period branches off |
| Neimark–Sacker | a complex pair on the unit circle | a closed curve branches off |

Kuznetsov 2004, Elements of Applied Bifurcation Theory, 3rd ed., sections 2.2 and 4.1–4.9. A negative largest eigenvalue
makes a node that is approached from alternating sides.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

CRITICAL = 1e-5
"""How close to the unit circle an eigenvalue counts as on it: they are known to about the root of the error of a
point, where two points are about to meet."""


@dataclass(frozen=True)
class Stability:
    """What the eigenvalues at P points say.

    Attributes:
        kinds: "node", "focus", "saddle", "fold", "flip" or "Neimark–Sacker", of each point.
        stable: [P] bool, all eigenvalues are inside the unit circle.
        unstable: [P] int64, how many are outside.
    """

    kinds: tuple[str, ...]
    stable: Tensor
    unstable: Tensor


def sorted_eigenvalues(jacobians: Tensor) -> Tensor:
    """Of matrices [P, S, S] the eigenvalues [P, S] complex, the largest modulus first."""
    values = torch.linalg.eigvals(jacobians)
    return values.gather(-1, values.abs().argsort(-1, descending=True))


def stability_of(eigenvalues: Tensor) -> Stability:
    """Kinds and stability of P points from their eigenvalues [P, S]."""
    modulus = eigenvalues.abs()
    return Stability(
        kinds=tuple(_kind(row) for row in eigenvalues),
        stable=(modulus < 1 - CRITICAL).all(-1),
        unstable=(modulus > 1 + CRITICAL).sum(-1),
    )


def _kind(eigenvalues: Tensor) -> str:
    modulus = eigenvalues.abs()
    on_circle = eigenvalues[(modulus - 1).abs() <= CRITICAL]
    for value, kind in ((1, "fold"), (-1, "flip")):
        if ((on_circle - value).abs() <= 2 * CRITICAL).any():
            return kind
    if len(on_circle):
        return "Neimark–Sacker"
    if modulus.min() < 1 < modulus.max():
        return "saddle"
    return "node" if eigenvalues[modulus.argmax()].imag == 0 else "focus"
