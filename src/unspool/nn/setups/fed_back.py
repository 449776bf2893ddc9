"""The output fed back: what a step tells is what the next step reads."""

from collections.abc import Callable, Mapping
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from unspool.errors import SettingError, ShapeError
from unspool.ir import StepGraph
from unspool.nn.recurrent import Recurrent
from unspool.nn.setups.diagram import Diagram
from unspool.nn.stack import States
from unspool.passes import ACTIVATIONS, Activation, chained, fed_back, fed_name
from unspool.runtime import unroll

FedState = tuple[States, Tensor]
"""The states of the recurrence, each [L, B, size], and the last output y [B, O]."""


@final
class FedBack(nn.Module):
    """h_t = cell([x_t, fed_t], h_{t−1}),  y_t = ψ(V h_t + c),  fed_t = (1 − α_t) ∘ y_{t−1} + α_t ∘ target_{t−1}.

    After Jordan 1986; a cell that has no recurrence of its own besides makes it his network. The whole loop, readout
    and feedback included, is one compiled step, forwards and backwards, so that running freely costs no Python per
    step. With teacher forcing (α = 1) no step waits for the readout of the one before, and the layers run as usual.

    Args:
        recurrent: any cell, in layers, in one direction; its input is [features, O], or O alone.
        outputs: O.
        activation: ψ: "identity", "sigmoid", "tanh", "softmax"; or "sample": y_t is one class, drawn from
            softmax(z_t / temperature), as a vector with one 1. No gradient passes through a draw.
        readout: V and c, to share those of another module; by default its own.

    Attributes:
        features: I, of the input x besides what is fed back; 0 for none.

    Raises:
        SettingError: two directions, a recurrence that is too narrow, or a page whose x cannot be cut in two.

    Cost: that of the recurrence and a product with V per step; memory for training O(T · B · H).

    Example:
        >>> model = FedBack(Recurrent("gru", 1, 16), outputs=1)
        >>> y, state = model(steps=12, start=torch.ones(4, 1))   # runs freely from y_0 = 1
        >>> y.shape
        torch.Size([4, 12, 1])
    """

    def __init__(
        self,
        recurrent: Recurrent,
        outputs: int,
        activation: Activation = "identity",
        *,
        readout: nn.Linear | None = None,
    ) -> None:
        super().__init__()
        title = f"FedBack({recurrent.cell.name})"
        if activation not in ACTIVATIONS:
            raise SettingError(f"{title}: no activation '{activation}'", hint=f"there are: {', '.join(ACTIVATIONS)}")
        if recurrent.bidirectional:
            raise SettingError(
                f"{title}: it runs in both directions, and what a step tells cannot be read by the steps before it"
            )
        if recurrent.graph.number_inputs:
            names = ", ".join(v.name for v in recurrent.graph.number_inputs)
            raise SettingError(f"{title}: the page reads numbers per step ({names}), which a fed-back run is not given")
        if recurrent.is_noisy:
            raise SettingError(
                f"{title}: its recurrence has recurrent dropout or zoneout, whose masks a fed-back run does not draw",
                hint="build it without them",
            )
        self.features = recurrent.input_size - outputs
        if outputs < 1 or self.features < 0:
            raise SettingError(
                f"{title}: its recurrence reads {recurrent.input_size} numbers, {outputs} outputs are fed back",
                hint="give it input_size = features + outputs",
            )
        self.recurrent, self.outputs, self.activation = recurrent, outputs, activation
        self.readout = nn.Linear(recurrent.output_size, outputs) if readout is None else readout
        self._graph(taught=True, before=False)  # what cannot be fed back is said here

    def forward(
        self,
        x: Tensor | None = None,
        targets: Tensor | None = None,
        *,
        alpha: float | Tensor = 0.0,
        steps: int | None = None,
        initial_state: FedState | None = None,
        start: Tensor | None = None,
    ) -> tuple[Tensor, FedState]:
        """Run over time.

        Args:
            x: [B, T, I], where the network has features.
            targets: [B, T, O], the truth that α mixes in; needed where α is not 0.
            alpha: share of the truth in what is fed back: a number, or [B, T] (`forcing.drawn`).
            steps: T, where neither x nor targets says so.
            initial_state: where a run before ended; by default rest.
            start: y_0 [B, O], what the first step is fed; by default that of `initial_state`, or zeros.

        Returns:
            [B, T, O]: y, or for "softmax" and "sample" the logits z, which a loss takes; and the state to go on from.

        Raises:
            ShapeError: shapes do not fit, or T cannot be told.
            SettingError: α without targets, or dropout between layers in a run that is not teacher-forced.
        """
        state, T = self._begin(x, targets, steps, initial_state, start)
        if not isinstance(alpha, Tensor) and alpha == 1 and targets is not None:
            return self._taught(x, targets, state)
        before = self.activation in ("softmax", "sample")
        inputs = self._inputs(x, targets, alpha, state, T)
        if self.activation == "sample":
            inputs |= self._noise(T, len(state[1]), 1.0)
        output, after = self._unrolled(inputs, state, taught=targets is not None, before=before)
        return output.transpose(0, 1), after

    def attending(
        self,
        look: Callable[[Tensor], Tensor],
        x: Tensor | None = None,
        targets: Tensor | None = None,
        *,
        alpha: float | Tensor = 0.0,
        steps: int | None = None,
        initial_state: FedState | None = None,
        start: Tensor | None = None,
    ) -> Tensor:
        """As `forward`, with `look` between the recurrence's output and the readout: [B, T, size] → [B, T, size].

        Cost: teacher-forced as `forward`; otherwise a call of the recurrence and of `look` per step.
        """
        state, T = self._begin(x, targets, steps, initial_state, start)
        if not isinstance(alpha, Tensor) and alpha == 1 and targets is not None:
            return self._taught(x, targets, state, look)[0]
        share = self._inputs(x, targets, alpha, state, T).get("alpha")
        states, y = state
        told = []
        for t in range(T):
            fed = y
            if t and targets is not None and share is not None:
                fed = (1 - share[t]) * y + share[t] * targets[:, t - 1]
            output, states = self.recurrent((fed if x is None else torch.cat([x[:, t], fed], -1))[:, None], states)
            z = self.readout(look(output))[:, 0]
            y = self._activated(z)
            told.append(z if self.activation in ("softmax", "sample") else y)
        return torch.stack(told, 1)

    @torch.no_grad()
    def sample(
        self,
        steps: int,
        state: FedState,
        *,
        x: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
    ) -> tuple[Tensor, FedState]:
        """Draw classes, each from softmax(z / temperature) and fed to the step after it.

        Args:
            steps: T.
            state: where to begin; of "sample" networks.
            x: [B, T, I], where the network has features.
            temperature: above 0; below 1 the likely becomes likelier.
            generator: of the draws; by default torch's.
            noise: [B, T, O] of your own instead: −ln(−ln u), u uniform; −∞ where a class is not to be drawn.

        Returns:
            classes [B, T] int64, and the state to go on from.

        Raises:
            SettingError: a temperature that is not above 0, or a network with another activation.

        Cost: one compiled loop; memory O(T · B · O).
        """
        if self.activation != "sample" or not temperature > 0:
            raise SettingError(
                f"FedBack({self.recurrent.cell.name}): activation '{self.activation}', temperature {temperature}; "
                "drawing takes 'sample' and a temperature above 0"
            )
        inputs = self._inputs(x, None, 0.0, state, steps)
        inputs |= self._noise(steps, len(state[1]), temperature, generator, noise)
        y, after = self._unrolled(inputs, state, taught=False, before=False)
        return y.transpose(0, 1).argmax(-1), after

    def rest(self, batch: int) -> FedState:
        """The state at rest: zeros, or the learned initial state, for B sequences."""
        like = self.readout.weight.new_zeros(batch, self.outputs)
        states = tuple(s.expand(-1, batch, -1) for s in self.recurrent.rest(like))
        return states, like

    def extra_repr(self) -> str:
        """The settings."""
        return f"outputs={self.outputs}, activation={self.activation}"

    def diagram(self) -> Diagram:
        """How it is drawn."""
        return Diagram("output fed back", self.recurrent, reads="every" if self.features else "none", fed_back=True)

    def _begin(
        self,
        x: Tensor | None,
        targets: Tensor | None,
        steps: int | None,
        initial_state: FedState | None,
        start: Tensor | None,
    ) -> tuple[FedState, int]:
        """The state that the first step reads, and T."""
        title = f"FedBack({self.recurrent.cell.name})"
        given = [v for v in (x, targets) if v is not None]
        sizes = {v.shape[:2] for v in given}
        if len(sizes) > 1 or any(v.dim() != 3 for v in given):
            shapes = " and ".join(str(list(v.shape)) for v in given)
            raise ShapeError(f"{title}: x and targets are {shapes}; expected [B, T, I] and [B, T, O]")
        if (x is None) != (self.features == 0) or (x is not None and x.shape[-1] != self.features):
            raise ShapeError(
                f"{title}: x is {None if x is None else list(x.shape)}; the network has I={self.features} features"
            )
        if targets is not None and targets.shape[-1] != self.outputs:
            raise ShapeError(f"{title}: targets are {list(targets.shape)}; expected [B, T, O={self.outputs}]")
        T = next(iter(sizes))[1] if sizes else steps
        if T is None or T < 1 or steps not in (None, T):
            raise ShapeError(
                f"{title}: steps is {steps}, x and targets have {T if sizes else 'no'} steps", hint="give steps=T"
            )
        batches = {v.shape[0] for v in given} | ({len(start)} if start is not None else set())
        batches |= {len(initial_state[1])} if initial_state is not None else set()
        if len(batches) > 1:
            raise ShapeError(f"{title}: x, targets, start and initial_state are of {sorted(batches)} sequences")
        states, y = self.rest(batches.pop() if batches else 1) if initial_state is None else initial_state
        if start is not None and start.shape != y.shape:
            raise ShapeError(f"{title}: start is {list(start.shape)}; expected [B={len(y)}, O={self.outputs}]")
        return (states, y if start is None else start), T

    def _taught(
        self,
        x: Tensor | None,
        targets: Tensor,
        state: FedState,
        look: Callable[[Tensor], Tensor] = lambda output: output,
    ) -> tuple[Tensor, FedState]:
        """Teacher forcing: every step's input is known."""
        states, y = state
        fed = torch.cat([y[:, None], targets[:, :-1]], 1)
        output, after = self.recurrent(fed if x is None else torch.cat([x, fed], -1), states)
        z = self.readout(look(output))
        told = z if self.activation in ("softmax", "sample") else self._activated(z)
        return told, (after, self._activated(z[:, -1]))

    def _activated(self, z: Tensor) -> Tensor:
        match self.activation:
            case "identity":
                return z
            case "sigmoid":
                return z.sigmoid()
            case "tanh":
                return z.tanh()
            case "softmax":
                return z.softmax(-1)
            case _:
                drawn = torch.distributions.Categorical(logits=z, validate_args=False).sample()
                return functional.one_hot(drawn, self.outputs).to(z.dtype)

    def _inputs(
        self, x: Tensor | None, targets: Tensor | None, alpha: float | Tensor, state: FedState, T: int
    ) -> dict[str, Tensor]:
        """What the compiled step reads, time-major."""
        title, y = f"FedBack({self.recurrent.cell.name})", state[1]
        given = {} if x is None else {self.recurrent.graph.vector_inputs[0].name: x.transpose(0, 1)}
        if self.training and self.recurrent.dropout and self.recurrent.num_layers > 1:
            raise SettingError(
                f"{title}: dropout between layers is not drawn inside the compiled loop",
                hint="take dropout=0, or teacher forcing (alpha=1)",
            )
        if targets is None:
            if isinstance(alpha, Tensor) or alpha != 0:
                raise SettingError(f"{title}: alpha is {alpha}, and there are no targets to mix in")
            # A step that reads nothing from outside still takes its time and batch from an input.
            return given or {"teacher": y.new_zeros(1, 1, 1).expand(T, len(y), self.outputs)}
        share = torch.as_tensor(alpha, dtype=y.dtype, device=y.device)
        if share.dim() and share.shape != targets.shape[:2]:
            raise ShapeError(f"{title}: alpha is {list(share.shape)}; expected a number or {list(targets.shape[:2])}")
        teacher = torch.cat([y[:, None], targets[:, :-1]], 1).transpose(0, 1)
        return given | {"teacher": teacher, "alpha": share.expand(targets.shape[:2]).t()[..., None]}

    def _noise(
        self,
        T: int,
        batch: int,
        temperature: float,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Gumbel's noise [T, B, O] and 1/temperature [T, B, 1]."""
        weight, shape = self.readout.weight, (batch, T, self.outputs)
        if noise is None:
            tiny = torch.finfo(weight.dtype).tiny
            u = torch.rand(shape, dtype=weight.dtype, generator=generator).to(weight.device)
            noise = u.clamp_min_(tiny).log_().neg_().clamp_min_(tiny).log_().neg_()
        elif noise.shape != shape:
            raise ShapeError(f"noise is {list(noise.shape)}; expected [B={batch}, T={T}, O={self.outputs}]")
        sharpness = weight.new_full((1, 1, 1), 1 / temperature).expand(T, batch, 1)
        return {"noise": noise.to(weight).transpose(0, 1), "sharpness": sharpness}

    def _unrolled(
        self, inputs: Mapping[str, Tensor], state: FedState, *, taught: bool, before: bool
    ) -> tuple[Tensor, FedState]:
        graph = self._graph(taught=taught, before=before)
        states, y = state
        initial = [s[layer] for layer in range(self.recurrent.num_layers) for s in states]
        output, after = unroll(graph, inputs, fed_weights(self.recurrent, self.features, self.readout), [*initial, y])
        count = len(states)
        return output, (tuple(torch.stack(after[i:-1:count]) for i in range(count)), after[-1])

    def _graph(self, *, taught: bool, before: bool) -> StepGraph:
        chain = chained(self.recurrent.graph, self.recurrent.num_layers, self.recurrent.residual)
        return fed_back(chain, features=self.features > 0, activation=self.activation, taught=taught, before=before)


def fed_weights(recurrent: Recurrent, features: int, readout: nn.Linear) -> dict[str, Tensor]:
    """By their names on the fed-back page. The first layer's matrices of [x, fed] are cut in two."""
    found: dict[str, Tensor] = {}
    for layer in range(recurrent.num_layers):
        found |= {f"{name}_l{layer}": value for name, value in recurrent.layer_parameters(layer).items()}
    if features:
        (x,) = recurrent.graph.vector_inputs
        for parameter in recurrent.graph.parameters:
            if len(parameter.shape) == 2 and parameter.shape[1] == x.size:
                name = f"{parameter.name}_l0"
                found[fed_name(name)] = found[name][:, features:]
                found[name] = found[name][:, :features]
    bias: Tensor | None = readout.bias
    V = readout.weight
    return found | {"V": V, "c": V.new_zeros(len(V)) if bias is None else bias}
