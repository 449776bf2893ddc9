"""Backpropagation through time, looked at: the errors at every step, and the sum that makes a gradient.

    ∂E/∂W = Σ_L  ∂E/∂s_T · ∂s_T/∂s_{T−L} · ∂⁺s_{T−L}/∂W       one term for each lag L

∂⁺ is the immediate derivative, that of one step with its state held constant. Pascanu, Mikolov & Bengio 2013,
arXiv:1211.5063v2, eqs. 3–5. Terms of long lags that are small beside the others are what a network cannot learn from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from unspool.dynamics.gradients.horizon import QUANTILES
from unspool.dynamics.gradients.watched import begin, watch
from unspool.errors import DataError

Loss = Callable[[Tensor], Tensor]
"""Output → a number to be minimised."""


@final
@dataclass(frozen=True, eq=False)
class LossGradients:
    """How large ∂loss/∂s_t is, by its distance from the end.

    Attributes:
        lags: [T] int64, steps: 0 is the state after the last step.
        log_norms: [3, T] float64, nats: the quantiles 0.1, 0.5 and 0.9 over sequences of ln ‖∂loss/∂s_{T−L}‖; −∞ where
            the loss does not change with that state at all.
    """

    lags: Tensor
    log_norms: Tensor


@final
@dataclass(frozen=True, eq=False)
class BackpropagationTerms:
    """A gradient, lag by lag.

    Attributes:
        lags: [T] int64, steps back from the last one.
        terms: parameter's name → [T, *shape]: what the step so far back contributes, summed over sequences.
    """

    lags: Tensor
    terms: dict[str, Tensor]

    @property
    def gradients(self) -> dict[str, Tensor]:
        """The sums of the terms: autograd's gradients."""
        return {name: term.sum(0) for name, term in self.terms.items()}

    @property
    def norms(self) -> Tensor:
        """[T]: the norm of each lag's contribution to the gradient of all parameters together."""
        return torch.stack([t.flatten(1).square().sum(1) for t in self.terms.values()]).sum(0).sqrt()


def loss_gradients(layer: nn.Module, x: Tensor, loss: Loss, *, initial_state: Tensor | None = None) -> LossGradients:
    """‖∂loss/∂s_t‖ against the lag T − t, for a loss of a layer's output; nothing is accumulated anywhere.

    Where `gradient_horizon` says what could arrive at best, this says what arrives of this loss: a loss that reads
    every step also has errors that start on the way.

    Args:
        layer: a recurrent layer in one direction.
        x: [B, T, I].
        loss: output [B, T, O] → a number; it may go through a readout.
        initial_state: [B, S]; by default what the layer has learned, or zeros.

    Raises:
        SettingError, ShapeError: as `watch`.
        DataError: a norm is NaN.

    Cost: one forward and one backward pass.
    """
    run = watch(layer, x, initial_state)
    errors = torch.autograd.grad(loss(run.output), [p for part in run.layers for p in part.probes])
    norms = torch.cat(errors, -1).double().norm(dim=-1)  # [T, B]
    if norms.isnan().any():
        raise DataError("the gradients of the loss hold NaN", hint="look for NaN in x, the weights, or the loss itself")
    quantiles = torch.tensor(QUANTILES, dtype=norms.dtype)
    log_norms = norms.flip(0).log().quantile(quantiles, 1, interpolation="nearest")
    return LossGradients(torch.arange(len(norms)), log_norms)


def backpropagation_terms(
    layer: nn.Module, x: Tensor, loss: Loss, *, initial_state: Tensor | None = None
) -> BackpropagationTerms:
    """BPTT's sum written out: what each step, counted back from the last, contributes to the gradients.

    Args:
        layer: a recurrent layer in one direction; float64 for a check to ten digits.
        x: [B, T, I].
        loss: output of the last step [B, O] → a number.
        initial_state: [B, S]; by default what the layer has learned, or zeros.

    Raises:
        SettingError, ShapeError: as `watch`.

    Cost: T single steps forward and backward; memory T times the parameters.
    """
    system, state = begin(layer, x, initial_state)
    named = dict(system.layer.named_parameters())
    before = [state.detach()]
    with torch.no_grad():
        for t in range(x.shape[1] - 1):
            before.append(system.step(before[-1], x[:, t]))
    entering = before[-1].requires_grad_()
    result: Tensor = loss(watch(layer, x[:, -1:], entering).output[:, 0])
    error, *terms = _gradients(result, [entering, *named.values()])
    collected = [terms]
    for t in reversed(range(x.shape[1] - 1)):
        entering = before[t].requires_grad_()
        error, *terms = _gradients(system.step(entering, x[:, t]), [entering, *named.values()], error)
        collected.append(terms)
    by_lag = {name: torch.stack(parts) for name, parts in zip(named, zip(*collected, strict=True), strict=True)}
    return BackpropagationTerms(torch.arange(len(collected)), by_lag)


def _gradients(result: Tensor, of: list[Tensor], error: Tensor | None = None) -> tuple[Tensor, ...]:
    return torch.autograd.grad(result, of, error, materialize_grads=True, allow_unused=True)
