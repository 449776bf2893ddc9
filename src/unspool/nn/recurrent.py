"""Any cell as a torch module: over time, in layers, in both directions."""

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from unspool.cells import find_cell
from unspool.errors import SettingError, ShapeError
from unspool.ir import StepGraph
from unspool.lang import Cell
from unspool.nn.check import check_input, check_lengths, check_per_step, check_reset, check_states
from unspool.nn.footprint import numbers_per_step
from unspool.nn.stack import States, stored_shape, unroll_stack
from unspool.passes import without_biases


@final
class Recurrent(nn.Module):
    """A cell unrolled over time, stacked in layers, optionally in both directions.

    Args:
        cell: a cell, the name of a built-in one (`"gru"`), or `"FILE.py:NAME"`.
        input_size: I, features per step.
        hidden_size: H, units.
        num_layers: L; layer k + 1 reads the output of layer k.
        bias: whether biases (vectors that are only added) are there.
        dropout: probability of dropping an output between layers, in training.
        bidirectional: also run from the last step to the first; the outputs are concatenated.
        learn_initial_state: the state before the first step is a parameter, not zero.
        device, dtype: of the parameters.
        sizes: further sizes that the cell's page names by a letter, e.g. `{"P": 16}`.
        checkpoint_every: k. In training keep the states of every k-th step only, and run the steps between them
            again in the backward pass. Results differ by rounding only.
        residual: a layer above the first adds its input to its output, so that gradients pass many layers (He et al.
            2016, arXiv:1512.03385; in stacks of LSTMs Wu et al. 2016, arXiv:1609.08144).

    Attributes:
        output_size: features of the output, D · size.
        state_sizes: size of each state, in the order of the page.

    Parameters are named as on the page with layer and direction: `W_l0`, `R_l0_reverse`; they start uniform in
    ±1/√H, as torch.nn's recurrent layers do.

    On the CPU it runs as compiled code, forwards and backwards, in float32 and float64; elsewhere, and under transforms
    of torch.func, as torch operations. UNSPOOL_BACKEND forces one, `llvm` or `reference`. Under autocast it computes in
    float32, and returns that.

    Time: T steps in order, each one stacked product per stage; with checkpoint_every one forward pass more. Memory for
    training: O(T · B · H). Compiled, a GRU keeps 20 bytes per step, unit and sequence, an LSTM 24, an Elman network 4
    (`saved_bytes_per_step` gives any cell's, `unspool show CELL --plan` says what they are). With checkpoint_every=k
    only inputs and outputs grow with T, and besides them T/k states are kept; the backward pass takes k steps' more.

    Example:
        >>> layer = Recurrent("gru", input_size=3, hidden_size=8)
        >>> output, (h,) = layer(torch.zeros(2, 5, 3))
        >>> output.shape, h.shape
        (torch.Size([2, 5, 8]), torch.Size([1, 2, 8]))
    """

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        learn_initial_state: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        sizes: Mapping[str, int] | None = None,
        checkpoint_every: int | None = None,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.cell = find_cell(cell)
        self.graph = self.cell.graph if bias else without_biases(self.cell.graph)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.dropout, self.bidirectional = bias, dropout, bidirectional
        self.directions = 2 if bidirectional else 1
        letters = {"I": input_size, "H": hidden_size, **(sizes or {})}
        _check_settings(self.graph, letters, num_layers, dropout)
        self.checkpoint_every, self.residual = _checked_every(self.graph, checkpoint_every), residual
        self._letters = dict(letters)
        self.state_sizes = tuple(letters[s.size] for s in self.graph.states)
        self.output_size = input_size  # of the layer below
        for layer in range(num_layers):
            letters["I"] = self.output_size
            self.output_size = letters[self.graph.output_size] * self.directions
            for suffix in self._suffixes(layer):
                for parameter in self.graph.parameters:
                    values = torch.empty(stored_shape(parameter, letters), device=device, dtype=dtype)
                    self.register_parameter(parameter.name + suffix, nn.Parameter(values))
        self.learn_initial_state = learn_initial_state
        if learn_initial_state:
            for state, size in zip(self.graph.states, self.state_sizes, strict=True):
                values = torch.empty((num_layers * self.directions, 1, size), device=device, dtype=dtype)
                self.register_parameter(f"initial_{state.name}", nn.Parameter(values))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew, uniform in ±1/√H; a learned initial state starts at zero."""
        bound = 1 / math.sqrt(self.hidden_size)
        for name, parameter in self.named_parameters():
            if name.startswith("initial_"):
                nn.init.zeros_(parameter)
            else:
                nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self,
        x: Tensor,
        initial_state: Tensor | States | None = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        per_step: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor, States]:
        """Run over time.

        Args:
            x: [B, T, I].
            initial_state: one tensor [L·D, B, size] per state (a single tensor where the cell has one state);
                by default the learned one, or zeros.
            lengths: [B] integers in 1 … T: steps beyond a sequence's length change nothing and output zero.
            reset: [B, T] bool: a step at which a new sequence begins. Its state starts from the learned initial
                state, or zeros. The result is that of the pieces run one by one.
            per_step: name → [B, T], a number per step and row for each such input of the page: a mask, a time
                step. Every layer and direction reads the same; a mask may be bool.

        Returns:
            output [B, T, output_size], and the states after each sequence's last step (in the reverse direction:
            after its first), one [L·D, B, size] per state.

        Raises:
            ShapeError: a shape or dtype does not fit; all of them are named.
            SettingError: an input of `per_step` is missing, or the page has none of that name.
        """
        title = f"Recurrent({self.cell.name})"
        parameters = [self._layer_parameters(s) for layer in range(self.num_layers) for s in self._suffixes(layer)]
        check_input(title, x, "BTI", self.input_size, self.graph, parameters[0])
        batch = x.shape[0]
        rest = self.rest(x)
        if initial_state is None:
            initial = tuple(s.expand(-1, batch, -1) for s in rest)
        else:
            initial = (initial_state,) if isinstance(initial_state, Tensor) else tuple(initial_state)
            check_states(title, initial, self.graph, self.num_layers * self.directions, x, batch, self.state_sizes)
        if lengths is not None:
            lengths = check_lengths(title, lengths, x)
        if reset is not None:
            check_reset(title, reset, x)
        numbers = check_per_step(title, self.graph, per_step or {}, x)
        output, final_state = unroll_stack(
            self.graph,
            x.transpose(0, 1),
            parameters,
            initial,
            directions=self.directions,
            dropout=self.dropout,
            training=self.training,
            lengths=lengths,
            reset=None if reset is None else reset.transpose(0, 1),
            rest=rest,
            per_step=numbers,
            checkpoint_every=self.checkpoint_every,
            residual=self.residual,
        )
        return output.transpose(0, 1), final_state

    def saved_bytes_per_step(self) -> int:
        """Bytes that training keeps per step and sequence, in all layers and directions, in the parameters' dtype.

        Compiled, and without checkpoint_every: what the adjoint reads again of what the loop read (such as W x), its
        results, and what its save plan saves; not x, nor what torch keeps for operations before the loop. For an x of
        four features or fewer that needs no gradient, W x is computed again, and it may be less.
        """
        item = next(self.parameters(), torch.empty(())).element_size()
        sizes, total = dict(self._letters), 0
        for layer in range(self.num_layers):
            sizes["I"] = self.input_size if layer == 0 else self.output_size
            total += self.directions * numbers_per_step(self.graph, sizes)
        return item * total

    def extra_repr(self) -> str:
        """The settings that differ from their defaults."""
        text = f"{self.cell.name}, input_size={self.input_size}, hidden_size={self.hidden_size}"
        usual: dict[str, object] = {
            "num_layers": 1,
            "bias": True,
            "dropout": 0.0,
            "bidirectional": False,
            "learn_initial_state": False,
        }
        usual |= {"checkpoint_every": None, "residual": False}
        return text + "".join(f", {k}={getattr(self, k)}" for k, v in usual.items() if getattr(self, k) != v)

    def rest(self, x: Tensor) -> States:
        """The learned initial state, or zeros of x's dtype and device: [L·D, 1, size] per state."""
        if self.learn_initial_state:
            return tuple(getattr(self, f"initial_{s.name}") for s in self.graph.states)
        return tuple(x.new_zeros((self.num_layers * self.directions, 1, size)) for size in self.state_sizes)

    def layer_parameters(self, layer: int) -> dict[str, Tensor]:
        """Name on the page → stored parameter, of a layer's forward direction."""
        return self._layer_parameters(f"_l{layer}")

    def _suffixes(self, layer: int) -> tuple[str, ...]:
        return (f"_l{layer}", f"_l{layer}_reverse")[: self.directions]

    def _layer_parameters(self, suffix: str) -> dict[str, Tensor]:
        return {p.name: getattr(self, p.name + suffix) for p in self.graph.parameters}


def _checked_every(graph: StepGraph, every: int | None) -> int | None:
    if every is not None and every < 1:
        raise SettingError(
            f"Recurrent({graph.name}): checkpoint_every is {every}; it is a number of steps, at least 1",
            hint="about the square root of the number of steps takes the least memory; None keeps every step",
        )
    return every


def _check_settings(graph: StepGraph, sizes: dict[str, int], num_layers: int, dropout: float) -> None:
    title, letters = f"Recurrent({graph.name})", graph.sizes
    if (inputs := len(graph.vector_inputs)) != 1:
        raise SettingError(f"{title}: the page has {inputs} inputs that are vectors; a layer feeds it exactly one")
    missing = letters - sizes.keys()
    unknown = sizes.keys() - letters - {"I", "H"}
    if missing or unknown:
        raise SettingError(
            f"{title}: sizes {', '.join(sorted(missing or unknown))} "
            + ("are missing" if missing else "are not on its page"),
            hint=f"the page's sizes are: {', '.join(sorted(letters))}; give those besides I and H as sizes={{'P': 16}}",
        )
    for what, value in {**sizes, "num_layers": num_layers}.items():
        if value < 1:
            raise ShapeError(f"{title}: {what} is {value}; it must be at least 1")
    for whole, blocks in graph.divisions:
        if sizes[whole] % sizes[blocks]:
            raise SettingError(
                f"{title}: {whole}={sizes[whole]} units cannot be cut into {blocks}={sizes[blocks]} equal blocks",
                hint=f"choose a {blocks} that divides {whole}",
            )
    if not 0 <= dropout <= 1:
        raise SettingError(f"{title}: dropout is {dropout}; it is a probability, 0 to 1")
    if num_layers > 1 and any(s.size == "I" for s in graph.states):
        raise SettingError(f"{title}: a state has the input's size, which layers above the first do not share")
