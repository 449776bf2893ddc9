"""Any cell as a torch module: over time, in layers, in both directions."""

from collections.abc import Callable, Mapping
from typing import final

import torch
from torch import Tensor, nn

from unspool.cells import find_cell
from unspool.errors import CellError, SettingError, ShapeError
from unspool.ir import StepGraph, Variable
from unspool.lang import Cell, Start
from unspool.lang.cell import check_start
from unspool.nn.check import check_input, check_lengths, check_per_step, check_reset, check_states
from unspool.nn.footprint import numbers_per_step
from unspool.nn.regularise import checked_rates, dropout_masks, zoneout_masks
from unspool.nn.stack import States, stored_parameters, stored_shape, unroll_stack
from unspool.nn.start import draw_parameters, merged_start
from unspool.passes import dropped, parametrised, settled, without_biases, zoned
from unspool.runtime import made_matrices


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
        recurrent_dropout: probability of masking, in training, what a recurrent product multiplies: one mask for each
            sequence, layer and direction, the same at all steps (Gal & Ghahramani 2016, arXiv:1512.05287).
        zoneout: probability with which a unit keeps its old value, in training at random, then in the mean (Krueger et
            al. 2017, arXiv:1606.01305); for all states, or by state: `{"c": 0.5, "h": 0.05}`.
        residual: a layer above the first adds its input to its output, so that gradients pass many layers (He et al.
            2016, arXiv:1512.03385; in stacks of LSTMs Wu et al. 2016, arXiv:1609.08144).
        start: first values in place of the page's, by parameter or gate: `{"b.f": 1.0, "R": orthogonal()}`, see
            `unspool.lang.starts`.

    Attributes:
        graph: the step as it runs after training, with every input that has a default at it. The matrices that the page
            makes of others (`expm(A − Aᵀ)`) are parameters of it, which `layer_parameters` computes.
        output_size: features of the output, D · size.
        state_sizes: size of each state, in the order of the page.

    Parameters are named as on the page with layer and direction: `W_l0`, `R_l0_reverse`. They start as the page says,
    and uniform in ±1/√H, as torch.nn's recurrent layers do, where it says nothing. What a page fixes is a buffer.

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
        recurrent_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        start: Mapping[str, Start | float] | None = None,
    ) -> None:
        super().__init__()
        self.cell = find_cell(cell)
        self._page = self.cell.graph if bias else without_biases(self.cell.graph)
        self._recipe = parametrised(self._page)
        rates = checked_rates(self._page, recurrent_dropout, zoneout)
        self._whole, self._zones = zoned(self._recipe.graph, rates)
        self.graph = settled(self._whole)
        self._start = _checked_start(self.cell, start)
        self.recurrent_dropout, self.zoneout = recurrent_dropout, zoneout
        if recurrent_dropout:
            dropped(self.graph)  # what has nothing to mask is said here
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.dropout, self.bidirectional = bias, dropout, bidirectional
        self.directions = 2 if bidirectional else 1
        letters = {"I": input_size, "H": hidden_size, **(sizes or {})}
        _check_settings(self._page, letters, num_layers, dropout)
        self.checkpoint_every, self.residual = _checked_every(self.graph, checkpoint_every), residual
        self._letters = dict(letters)
        suffixes = [s for layer in range(num_layers) for s in self._suffixes(layer)]
        self._names = {s: {p.name: p.name + s for p in self._page.parameters} for s in suffixes}
        self.state_sizes = tuple(letters[s.size] for s in self.graph.states)
        self.output_size = input_size  # of the layer below
        for layer in range(num_layers):
            letters["I"] = self.output_size
            self.output_size = letters[self.graph.output_size] * self.directions
            for suffix in self._suffixes(layer):
                for parameter in self._page.parameters:
                    values = torch.empty(stored_shape(parameter, letters), device=device, dtype=dtype)
                    if parameter.fixed:
                        self.register_buffer(parameter.name + suffix, values)
                    else:
                        self.register_parameter(parameter.name + suffix, nn.Parameter(values))
        self._made: dict[str, dict[str, Tensor]] = {}
        self.learn_initial_state = learn_initial_state
        if learn_initial_state:
            for state, size in zip(self.graph.states, self.state_sizes, strict=True):
                values = torch.empty((num_layers * self.directions, 1, size), device=device, dtype=dtype)
                self.register_parameter(f"initial_{state.name}", nn.Parameter(values))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew, as the page and `start` say; a learned initial state starts at zero."""
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                draw_parameters(self._page, self._stored_parameters(suffix), self._start, self.hidden_size)
        if self.learn_initial_state:
            for state in self.graph.states:
                nn.init.zeros_(getattr(self, f"initial_{state.name}"))

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
                step. Every layer and direction reads the same; a mask may be bool. One with a default on the page may
                be left out.

        Returns:
            output [B, T, output_size], and the states after each sequence's last step (in the reverse direction:
            after its first), one [L·D, B, size] per state.

        Raises:
            ShapeError: a shape or dtype does not fit; all of them are named.
            SettingError: an input of `per_step` is missing, or the page has none of that name.
        """
        title = f"Recurrent({self.cell.name})"
        parameters = [self._layer_parameters(suffix) for suffix in self._names]
        check_input(title, x, "BTI", self.input_size, self.graph, parameters[0])
        batch = x.shape[0]
        if initial_state is not None:
            initial = (initial_state,) if isinstance(initial_state, Tensor) else tuple(initial_state)
            check_states(title, initial, self.graph, self.num_layers * self.directions, x, batch, self.state_sizes)
        elif self.learn_initial_state:
            initial = tuple(s.expand(-1, batch, -1) for s in self.rest(x))
        else:
            initial = self._zeros(x, batch)
        if lengths is not None:
            lengths = check_lengths(title, lengths, x)
        if reset is not None:
            check_reset(title, reset, x)
        numbers = check_per_step(title, self._recipe.graph, per_step or {}, x)
        graph, masks = self._noisy(numbers)
        output, final_state = unroll_stack(
            graph,
            x.transpose(0, 1),
            parameters,
            initial,
            directions=self.directions,
            dropout=self.dropout,
            training=self.training,
            lengths=lengths,
            reset=None if reset is None else reset.transpose(0, 1),
            rest=None if reset is None else self.rest(x),
            per_step=numbers,
            checkpoint_every=self.checkpoint_every,
            residual=self.residual,
            masks=masks,
        )
        return output.transpose(0, 1), final_state

    def saved_bytes_per_step(self) -> int:
        """Bytes that training keeps per step and sequence, in all layers and directions, in the parameters' dtype.

        Compiled, and without checkpoint_every: what the adjoint reads again of what the loop read (such as W x), its
        results, and what its save plan saves; not x, nor what torch keeps for operations before the loop. For an x of
        one feature, or of two to four that needs no gradient, W x is computed again, and it may be less.
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
        usual |= {"checkpoint_every": None, "residual": False, "recurrent_dropout": 0.0, "zoneout": 0.0}
        return text + "".join(f", {k}={getattr(self, k)}" for k, v in usual.items() if getattr(self, k) != v)

    def rest(self, x: Tensor) -> States:
        """The learned initial state, or zeros of x's dtype and device: [L·D, 1, size] per state."""
        if self.learn_initial_state:
            return tuple(getattr(self, f"initial_{s.name}") for s in self.graph.states)
        return self._zeros(x, 1)

    @property
    def is_noisy(self) -> bool:
        """Whether its steps are random in training: by recurrent dropout or zoneout."""
        return bool(self.recurrent_dropout or self._zones)

    @torch.no_grad()
    def keep_matrices(self) -> None:
        """Take the matrices that the page makes of others as they are now, whatever becomes of the parameters.

        For a program that is traced from the layer: it then holds them, and not how they are made.
        """
        self._made = {s: made_matrices(self._recipe, self._stored_parameters(s)) for s in self._names}

    def layer_parameters(self, layer: int) -> dict[str, Tensor]:
        """Name → parameter of `graph`, of a layer's forward direction: as stored, or made of what is stored."""
        return self._layer_parameters(f"_l{layer}")

    def stored_parameters(self, layer: int) -> dict[str, Tensor]:
        """Name on the page → stored parameter, of a layer's forward direction."""
        return self._stored_parameters(f"_l{layer}")

    def _noisy(self, given: Mapping[str, Tensor]) -> tuple[StepGraph, Callable[[Tensor], dict[str, Tensor]] | None]:
        """The step with what it is given per step, and in training what draws its masks for a layer's input."""
        if not (self.training and self.is_noisy):
            return settled(self._whole, frozenset(given)) if given else self.graph, None
        graph = settled(self._whole, frozenset(given) | {v.name for v in self._zones})
        drops: tuple[Variable, ...] = ()
        if self.recurrent_dropout:
            graph, drops = dropped(graph)

        def draw(x: Tensor) -> dict[str, Tensor]:
            zones = zoneout_masks(self._zones, x, self._letters)
            return dropout_masks(drops, self.recurrent_dropout, x, self._letters) | zones

        return graph, draw

    def _zeros(self, x: Tensor, batch: int) -> States:
        stacked = self.num_layers * self.directions
        return tuple([x.new_zeros(stacked, batch, size) for size in self.state_sizes])

    def _suffixes(self, layer: int) -> tuple[str, ...]:
        return (f"_l{layer}", f"_l{layer}_reverse")[: self.directions]

    def _layer_parameters(self, suffix: str) -> dict[str, Tensor]:
        stored = self._stored_parameters(suffix)
        if not self._recipe.made:
            return stored
        stored |= self._made.get(suffix) or made_matrices(self._recipe, stored)
        return {p.name: stored[p.name] for p in self.graph.parameters}

    def _stored_parameters(self, suffix: str) -> dict[str, Tensor]:
        return stored_parameters(self, self._names[suffix])


def _checked_start(cell: Cell, asked: Mapping[str, Start | float] | None) -> dict[str, Start]:
    try:
        check_start(cell.graph, asked or {})
    except CellError as error:
        raise SettingError(f"Recurrent({cell.name}): {error.message}", error.hint) from None
    return merged_start(cell.start, asked)


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
