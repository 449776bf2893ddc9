"""Memory at work: patterns are stored in a network's traces, a damaged one is shown and taken away; what is left?

Two ways to store P patterns of ±1 on N units, each read long after the cue is gone:

- distributed: every pattern in all paths, z_ij = (1/N) Σ_p ξ_i ξ_j, in an additive network. Its paths are symmetric, so
  that it is of Cohen and Grossberg's form and comes to rest. Near P = 0.14 N the patterns disturb each other and all
  are lost (Amit, Gutfreund & Sompolinsky 1985, Phys. Rev. Lett. 55, 1530–1533: 0.138 N for N → ∞, steep signals).
- competitive: every pattern in the paths to and from one cell of a competitive field, learned by an instar and an
  outstar. The cell that the cue fits best wins, keeps itself active and reads its pattern out. It stores as many
  patterns as it has cells, however long they are; then the next ones overwrite the first.
"""

from dataclasses import replace

import torch
from torch import Tensor

from unspool.dynamics.grossberg.additive import Additive
from unspool.dynamics.grossberg.learning import sampled
from unspool.dynamics.grossberg.shunting import Shunting, feed_forward_field
from unspool.dynamics.grossberg.signals import linear, power, saturating
from unspool.dynamics.grossberg.solve import settle, trajectory
from unspool.errors import DataError, SettingError, ShapeError

SHOWN, HELD = 2.0, 50.0
"""How long the cue is there, and then gone when the field is read; 1 is the time in which a lone unit decays to 1/e."""
STUDY = 20.0
"""How long a pattern is there to be learned: traces come within e^−20 of it."""


def distributed_memory(patterns: Tensor, gain: float = 10.0) -> Additive:
    """The additive network of N units that has learned patterns [P, N] by Hebb's rule.

    A = 1, f = g = tanh(gain · x); positive traces excite, negative ones inhibit, no unit feeds itself.

    Raises:
        ShapeError, DataError: the patterns are not [P, N] of ±1 in float64.
    """
    _check("patterns", patterns)
    z = patterns.mT @ patterns / patterns.shape[1]
    z.fill_diagonal_(0)
    paths = torch.ones_like(z)

    def f(x: Tensor) -> Tensor:
        return torch.tanh(gain * x)

    return Additive(B=paths, C=paths, f=f, g=f, z_plus=z.clamp(min=0), z_minus=(-z).clamp(min=0))


def recall_distributed(patterns: Tensor, cues: Tensor) -> Tensor:
    """Activities [Q, N] of the distributed memory of patterns [P, N], long after it was shown cues [Q, N].

    Raises:
        ShapeError, DataError: patterns or cues are not ±1 in float64, or differ in N.
    """
    _check("cues", cues, patterns)
    network = distributed_memory(patterns)
    return _after_cue(replace(network, I=cues), network)


def competitive_memory(patterns: Tensor, cells: int) -> Shunting:
    """The shunting network that has learned patterns [P, N]: N pattern units, then `cells` cells that compete.

    The p-th pattern was studied by cell p mod cells. Pattern units feel each other's inputs only, and are at ±1 when
    half of them are on (B = N − 1, D = 1: a share of 1/N is zero). Cells excite themselves by a signal faster than
    linear and inhibit each other; what a cell reads out excites its pattern and inhibits the rest. A pattern with
    all units on, or all off, has no contrast: nothing of it is stored.

    Raises:
        ShapeError, DataError: the patterns are not [P, N] of ±1 in float64.
        SettingError: there is no cell.
    """
    _check("patterns", patterns)
    if cells < 1:
        raise SettingError(f"competitive_memory: cells is {cells}; at least one cell must study")
    units = patterns.shape[1]
    seen = linear()(settle(_pattern_field(patterns), torch.zeros_like(patterns)))
    # of a saturating signal, so that patterns with few units on, which are strong, do not win every competition
    known = saturating(0.25)(seen)
    up, down = patterns.new_zeros(units, cells), patterns.new_zeros(cells, units)
    for p in range(len(patterns)):
        studying = patterns.new_zeros(cells)
        studying[p % cells] = 1
        up = sampled(up, studying, known[p], "instar", STUDY)
        down = sampled(down, studying, seen[p], "outstar", STUDY)
    gain = 4 * cells**0.5  # else a field of many equal cells would not keep itself active
    compete = power(1.5, gain)

    def f(x: Tensor) -> Tensor:
        return torch.cat([x[..., :units].clamp(min=0), compete(x[..., units:])], -1)

    def blocks(to_cells: Tensor, to_patterns: Tensor, within: Tensor) -> Tensor:
        silent = patterns.new_zeros(units, units)
        return torch.cat([torch.cat([silent, to_cells], 1), torch.cat([to_patterns, within], 1)])

    own, one = torch.eye(cells, dtype=patterns.dtype), torch.ones_like
    read_out = one(down) / gain
    return Shunting(
        A=1.0,
        B=torch.cat([(units - 1) * patterns.new_ones(units), patterns.new_ones(cells)]),
        D=torch.cat([patterns.new_ones(units), patterns.new_zeros(cells)]),
        C=blocks(one(up) / units, read_out, own),
        E=blocks(0 * up, read_out, 1 - own),
        f=f,
        g=f,
        z_plus=blocks(up, down, one(own)),
        z_minus=blocks(one(up), down.sum(1, keepdim=True) - down, one(own)),
    )


def recall_competitive(patterns: Tensor, cues: Tensor, cells: int | None = None) -> Tensor:
    """Activities [Q, N] of the competitive memory of patterns [P, N], long after it was shown cues [Q, N].

    Args:
        patterns: of ±1.
        cues: of ±1.
        cells: that compete; by default N.

    Raises:
        ShapeError, DataError: patterns or cues are not ±1 in float64, or differ in N.
        SettingError: there is no cell.
    """
    _check("cues", cues, patterns)
    units = patterns.shape[1]
    network = competitive_memory(patterns, units if cells is None else cells)
    silent = cues.new_zeros(len(cues), network.size - units)
    field = _pattern_field(cues)
    I, J = (torch.cat([torch.as_tensor(given), silent], -1) for given in (field.I, field.J))  # noqa: E741 - the paper's letters
    return _after_cue(replace(network, I=I, J=J), network)[:, :units]


def _pattern_field(patterns: Tensor) -> Shunting:
    return feed_forward_field(patterns.clamp(min=0), A=1.0, B=patterns.shape[1] - 1.0, D=1.0)


def _after_cue(shown: Additive | Shunting, network: Additive | Shunting) -> Tensor:
    """States [Q, S], from zero, `SHOWN` with the input [Q, S] of the first network and `HELD` without."""
    state = torch.zeros_like(torch.as_tensor(shown.I))
    for stage, duration in ((shown, SHOWN), (network, HELD)):
        state = trajectory(stage, state, (0.0, duration), rtol=1e-5, atol=1e-7)[-1]
    return state


def _check(name: str, values: Tensor, patterns: Tensor | None = None) -> None:
    if values.dim() != 2 or not values.numel() or (patterns is not None and values.shape[1:] != patterns.shape[1:]):
        beside = "" if patterns is None else f" beside patterns {list(patterns.shape)}"
        raise ShapeError(f"{name} are {list(values.shape)}{beside}; they are [P, N], patterns by units")
    if values.dtype != torch.float64 or bool((values.abs() != 1).any()):
        raise DataError(f"{name} must be +1 and −1 in float64; a unit is on or off")
