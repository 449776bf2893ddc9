"""Generalised teacher forcing: a network learns a chaotic system while the data hold its state near the truth.

    h̃(t) = (1 − α) h(t) + α x(t)     what the next step reads; the first N units are observed as they are
    h(t+1) = f(h̃(t))                 what the loss compares with x(t+1)

A free run (α = 0) of a chaotic system has gradients that grow as e^(λt); teacher forcing (α = 1) keeps them in check,
but never shows the network its own errors. In between every step's Jacobian is scaled by 1 − α, and errors of a few
steps are seen. Hess, Monfared, Brenner & Durstewitz 2023, arXiv:2306.04406, after Doya 1992.
"""

from torch import Tensor
from torch.nn import functional

from unspool.errors import SettingError, ShapeError
from unspool.nn import Recurrent
from unspool.passes import forced
from unspool.runtime import unroll


def run_forced(
    layer: Recurrent, observations: Tensor, alpha: float, x: Tensor | None = None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One-step predictions of a layer whose state is pulled towards the observations before every step.

    Args:
        layer: one layer, one direction, whose output is its first state.
        observations: [B, T, N]: what the first N of the H units should be. The run begins at observation 0, other
            units and states at zero.
        alpha: 0 (free running) … 1 (teacher forcing).
        x: [B, T, I] the layer's input; by default zero.

    Returns:
        predictions [B, T, N], number t of observation t + 1; and the states after the last step, each [B, size].

    Raises:
        SettingError: the layer has several layers, directions or inputs, or alpha is no share.
        CellError: the layer's output is not its first state.
        ShapeError: the observations are not [B, T, N] with N ≤ H, or x does not fit.

    It runs as one compiled loop, as the layer itself does; cost and memory are the layer's.
    """
    graph = forced(layer.graph)
    _check(layer, observations, alpha, x)
    batch, steps, observed = observations.shape
    units, *others = layer.state_sizes
    teacher = functional.pad(observations.transpose(0, 1), (0, units - observed))
    share = observations.new_zeros(units)
    share[:observed] = alpha
    given = observations.new_zeros(1, 1, 1).expand(batch, steps, layer.input_size) if x is None else x
    predictions, states = unroll(
        graph,
        {
            layer.graph.vector_inputs[0].name: given.transpose(0, 1),
            "teacher": teacher,
            "alpha": share.expand(steps, batch, units),
        },
        layer.layer_parameters(0),
        [teacher[0], *(observations.new_zeros(batch, size) for size in others)],
    )
    return predictions.transpose(0, 1)[..., :observed], states


def forcing_loss(
    layer: Recurrent, observations: Tensor, alpha: float, x: Tensor | None = None, *, skip: int = 0
) -> Tensor:
    """Mean squared error of the predictions of `run_forced`, a number, without the first `skip` of them.

    The run begins at a single observation, with all of its noise, and forcing averages that away: by e^(−α) per step.

    Raises:
        ShapeError: fewer than one prediction is left; the others as `run_forced`.
    """
    if not 0 <= skip < observations.shape[1] - 1:
        raise ShapeError(
            f"forcing {layer.cell.name}: {observations.shape[1]} observations leave none to predict after skip={skip}"
        )
    predictions, _ = run_forced(layer, observations, alpha, x)
    return (predictions[:, skip:-1] - observations[:, skip + 1 :]).square().mean()


def _check(layer: Recurrent, observations: Tensor, alpha: float, x: Tensor | None) -> None:
    title = f"forcing {layer.cell.name}"
    if layer.num_layers > 1 or layer.bidirectional or layer.graph.number_inputs:
        raise SettingError(
            f"{title}: {layer.num_layers} layers in {layer.directions} direction(s), "
            f"{len(layer.graph.number_inputs)} inputs per step besides x",
            hint="force one layer, one direction, of a cell that reads x alone",
        )
    if layer.is_noisy:
        raise SettingError(f"{title}: it has recurrent dropout or zoneout, which forcing does not draw")
    if not 0 <= alpha <= 1:
        raise SettingError(f"{title}: alpha is {alpha}; it is a share, 0 (free running) to 1 (teacher forcing)")
    units = layer.state_sizes[0]
    if observations.dim() != 3 or not observations.shape[1] or not 1 <= observations.shape[2] <= units:
        raise ShapeError(
            f"{title}: observations are {list(observations.shape)}; expected [B, T, N], N at most the {units} units"
        )
    weight = next(iter(layer.stored_parameters(0).values()))
    if (observations.dtype, observations.device) != (weight.dtype, weight.device):
        raise ShapeError(
            f"{title}: observations are {observations.dtype} on {observations.device}, the weights {weight.dtype} on "
            f"{weight.device}",
            hint="observations.to(next(layer.parameters()))",
        )
    if x is not None and x.shape != (*observations.shape[:2], layer.input_size):
        raise ShapeError(
            f"{title}: x is {list(x.shape)}; expected [B={observations.shape[0]}, T={observations.shape[1]}, "
            f"I={layer.input_size}]"
        )
