"""Piecewise-linear cells: how to tell one by its graph, and the exact search of their cycles, region by region.

A step whose only non-linearities in the state are relu, abs, maximum, minimum and the largest unit is affine in each
region of state space: F(s) = J s + b. A cycle of period k through regions 1 … k is then the solution of a linear
equation:

    s₁ = J_k (… J₂ (J₁ s₁ + b₁) + b₂ …) + b_k

The search guesses k regions, solves, and steps from the solution: if it comes back to where it started, it visits the
regions of the guess and is a cycle; otherwise the regions that it does visit are the next guess. Eisenmann, Monfared,
Göring & Durstewitz 2023, arXiv:2310.17561, algorithm 1 (SCYFI), after Durstewitz 2017, arXiv:1612.07846. A guess is k
states, one in each region: so only regions that exist are guessed, and any cell of this kind will do.
"""

import torch
from torch import Tensor

from unspool.dynamics.equilibria.newton import LARGEST, FixedPointEquations, Roots, allowed
from unspool.dynamics.systems.system import LayerSystem, System
from unspool.ir import Apply, Read, StepGraph

KINKED = frozenset({"relu", "abs", "maximum", "minimum", "largest"})
LINEAR = frozenset({"add", "subtract", "negate", "sum"})
GUESSES = 50


def is_piecewise_linear(system: System) -> bool:
    """Whether the graph of a layer's cell shows it to be piecewise linear in its states, under a constant input.

    A user's own system is never taken for one.
    """
    if not isinstance(system, LayerSystem):
        return False
    graph = system.layer.graph
    moving = {s.name for s in graph.states}
    if system.layer.num_layers > 1:  # the input of an upper layer is a state of the lower one
        moving.add(graph.vector_inputs[0].name)
    return _is_piecewise_linear(graph, moving)


def search_regions(one: FixedPointEquations, paths: Tensor, tolerance: float, spread: float, seed: int) -> Roots:
    """Search a cycle from each of the paths [N, k, S] of k states; those of a shorter period among them.

    Half of the first guesses are the regions along a path, half those of k states drawn from all paths.

    Cost: per guess k Jacobians and O(k S³). Cycles of 80 steps in 2 units took up to 16 guesses.
    """
    count, period, size = paths.shape
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, count * period, (count // 2, period), generator=generator)
    guesses = torch.cat([paths[: count - count // 2], paths.reshape(-1, size)[drawn]])
    ends = [_search(one, part, tolerance, spread) for part in guesses.split(max(1, LARGEST // (period * size**2)))]
    states, norms = torch.cat([e[0] for e in ends]).flatten(1), torch.cat([e[1] for e in ends])
    return Roots(states, norms, norms <= allowed(states, tolerance, spread))


def _search(one: FixedPointEquations, guesses: Tensor, tolerance: float, spread: float) -> tuple[Tensor, Tensor]:
    """Chains [N, k, S] and how far each is from closing [N]."""
    chains, gaps = guesses.clone(), torch.full((len(guesses),), torch.inf, dtype=guesses.dtype)
    live = torch.arange(len(chains))
    for _ in range(GUESSES):
        chain = [_solutions(one, chains[live])]
        for _ in range(chains.shape[1]):
            chain.append(one.step(chain[-1]))
        chains[live], gaps[live] = torch.stack(chain[:-1], 1), (chain[-1] - chain[0]).norm(dim=-1)
        closed = gaps[live] <= allowed(chains[live].flatten(1), tolerance, spread)
        live = live[~closed & gaps[live].isfinite()]  # not finite: the linear equation was singular
        if not len(live):
            break
    return chains, gaps


def _solutions(one: FixedPointEquations, states: Tensor) -> Tensor:
    """The first states [N, S] of cycles through the regions of states [N, k, S], were a region all of state space."""
    flat = states.flatten(0, 1)
    jacobians = one.step_jacobian(flat)
    offsets = one.step(flat) - (jacobians @ flat[..., None])[..., 0]
    jacobians, offsets = jacobians.unflatten(0, states.shape[:2]), offsets.unflatten(0, states.shape[:2])
    product, offset = jacobians[:, 0], offsets[:, 0]
    for i in range(1, states.shape[1]):
        product = jacobians[:, i] @ product
        offset = (jacobians[:, i] @ offset[..., None])[..., 0] + offsets[:, i]
    return torch.linalg.solve_ex(torch.eye(states.shape[-1], dtype=states.dtype) - product, offset)[0]


def _is_piecewise_linear(graph: StepGraph, moving: set[str]) -> bool:
    depends: list[bool] = []
    for node in graph.nodes:
        if not isinstance(node, Apply):
            depends.append(isinstance(node, Read) and node.name in moving)
            continue
        given = [depends[a] for a in node.arguments]
        depends.append(any(given) and node.operation != "size")
        match node.operation:
            case _ if not depends[-1]:
                continue
            case "multiply" | "product" if sum(given) == 1:
                continue
            case "divide" if not given[1]:
                continue
            case operation if operation in KINKED | LINEAR:
                continue
            case _:
                return False
    return True
