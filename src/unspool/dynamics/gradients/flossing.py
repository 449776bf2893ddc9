"""Gradient flossing: the leading Lyapunov exponents are drawn to zero, so that errors neither vanish nor explode.

    loss = Σ_{i ≤ k} λ_i²          λ_i = Σ_t ln |R_ii(t)| / T,   Q(t) R(t) = J(t) Q(t−1)

Engelken 2023, Gradient flossing, NeurIPS 36, arXiv:2312.17306, eqs. 4–8. To be minimised for some steps before
training, or in between, or as a term of the loss.
"""

import torch
from torch import Tensor, nn

from unspool.dynamics.gradients.watched import begin
from unspool.errors import DataError, SettingError


def flossing(layer: nn.Module, x: Tensor, *, count: int, initial_state: Tensor | None = None, seed: int = 0) -> Tensor:
    """Σ λ_i² of the `count` largest finite-time exponents; a number that is differentiable by the layer's parameters.

    Args:
        layer: a recurrent layer in one direction, in float32 or float64.
        x: [B, T, I]; each exponent is the mean over the B sequences.
        count: k, directions that are to be kept: at least as many as a task has numbers to remember.
        initial_state: [B, S]; by default what the layer has learned, or zeros.
        seed: of the first columns.

    Raises:
        SettingError: no such layer, or `count` is not one of 1 … S.
        ShapeError: x or the states do not fit the layer.
        DataError: an exponent is −∞: so many directions do not survive a step.

    Cost: B · T Jacobians at once, S² numbers each, and their backward pass; T decompositions [S, k]. So T should be
    short: 20 to 100 steps.

    Example:
        >>> from unspool.nn import Recurrent
        >>> layer = Recurrent("elman", 1, 4)
        >>> optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
        >>> flossing(layer, torch.zeros(1, 20, 1), count=2).backward()
        >>> optimizer.step()
    """
    exponents = finite_time_exponents(layer, x, count=count, initial_state=initial_state, seed=seed)
    if not exponents.isfinite().all():
        raise DataError(
            f"flossing: exponent {int(exponents.isfinite().sum()) + 1} of {count} is −∞",
            hint="ask for fewer; a dead unit, or a state that only copies another, keeps no direction of its own",
        )
    return exponents.square().sum()


def finite_time_exponents(
    layer: nn.Module, x: Tensor, *, count: int, initial_state: Tensor | None = None, seed: int = 0
) -> Tensor:
    """λ_1 … λ_k [k], nats per step, over the T steps of x, differentiable; see `flossing`.

    `lyapunov_spectrum` is for measuring: it has error bars, drops transients, and takes long sequences.
    """
    system, state = begin(layer, x, initial_state)
    if not 1 <= count <= system.size:
        raise SettingError(f"count is {count} exponents; the state has {system.size} numbers")
    before = torch.cat([state[:, None], system.trajectory(state, x)[:, :-1]], 1)
    jacobians = system.jacobian(before.flatten(0, 1), x.flatten(0, 1)).unflatten(0, x.shape[:2])
    first = torch.randn(system.size, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    columns = torch.linalg.qr(first).Q.to(x.dtype).expand(len(x), -1, -1)
    growth = []
    for jacobian in jacobians.unbind(1):
        columns, factor = torch.linalg.qr(jacobian @ columns)
        growth.append(factor.diagonal(dim1=-2, dim2=-1).abs().log())
    return torch.stack(growth).mean((0, 1))
