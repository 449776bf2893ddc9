"""What the drop-ins for torch.nn's recurrent layers share: torch's own shell around Unspool's cells.

The shell is `torch.nn.RNNBase`: constructor checks, parameter names and their first values, `all_weights`,
`state_dict`, `repr` and copying are torch's by construction. What runs is the cell's step graph.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unspool.cells.elman import elman
from unspool.cells.elman_relu import elman_relu
from unspool.cells.gru import gru
from unspool.cells.lstm import lstm
from unspool.cells.lstm_projection import lstm_projection
from unspool.errors import ShapeError
from unspool.ir import StepGraph
from unspool.nn.check import check_input, check_states
from unspool.nn.packed import permute, repack, unpack
from unspool.nn.stack import States, stored_parameters, unroll_stack
from unspool.passes import without_biases

_CELLS = {"RNN_TANH": elman, "RNN_RELU": elman_relu, "LSTM": lstm, "GRU": gru}
TORCH_NAMES = {"W": "weight_ih", "R": "weight_hh", "b": "bias_ih", "bR": "bias_hh", "P": "weight_hr"}
"""What torch.nn calls a parameter of a page."""


class DropIn(nn.RNNBase, ABC):
    """A recurrent layer with torch.nn's constructor, parameters and call, run by Unspool."""

    @abstractmethod
    def forward(self, input: Any, hx: Any = None) -> Any:
        """Run over time; see the layer's own docstring."""

    @property
    def graph(self) -> StepGraph:
        """The step that is unrolled."""
        return _GRAPHS[self.mode, self.bias, self.proj_size > 0]

    def flatten_parameters(self) -> None:
        """Do nothing: no kernel of Unspool needs the weights in one block of memory, as cuDNN's do."""

    def _run(self, x: Tensor | PackedSequence, initial: Sequence[Tensor] | None) -> tuple[Any, States]:
        """Output in the form of `x`, and the final states, in the form of the initial ones."""
        if isinstance(x, PackedSequence):
            return self._run_packed(x, initial)
        title = type(self).__name__
        if x.dim() not in (2, 3):
            raise ShapeError(
                f"{title}: x has {x.dim()} axes {list(x.shape)}; it must have three, "
                f"[{'B, T' if self.batch_first else 'T, B'}, I={self.input_size}], or two, [T, I={self.input_size}]"
            )
        batched = x.dim() == 3
        self._check_input(x, ("BTI" if self.batch_first else "TBI") if batched else "TI")
        if initial is not None and any(s.dim() != x.dim() for s in initial):
            raise ShapeError(
                f"{title}: x has {x.dim()} axes, the initial state {' and '.join(str(s.dim()) for s in initial)}",
                hint="both have a batch axis or neither has: x [T, I] goes with states [L·D, size]",
            )
        if not batched:
            output, final = self._unroll(x[:, None], initial and [s[:, None] for s in initial])
            return output[:, 0], tuple(s[:, 0] for s in final)
        output, final = self._unroll(x.transpose(0, 1) if self.batch_first else x, initial)
        return output.transpose(0, 1) if self.batch_first else output, final

    def _run_packed(self, packed: PackedSequence, initial: Sequence[Tensor] | None) -> tuple[PackedSequence, States]:
        self._check_input(packed.data, "NI")
        x, lengths = unpack(packed)
        if initial is not None:
            self._check_states(initial, x)
            initial = permute(tuple(initial), packed.sorted_indices)
        output, final = self._unroll(x, initial, lengths)
        return repack(output, packed), permute(final, packed.unsorted_indices)

    def _unroll(
        self, x: Tensor, initial: Sequence[Tensor] | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, States]:
        """Output [T, B, D·size] and final states of x [T, B, I]."""
        if initial is None:
            stacked, batch = self._directions * self.num_layers, x.shape[1]
            initial = [x.new_zeros(stacked, batch, size) for size in self.state_sizes]
        else:
            self._check_states(initial, x)
        return unroll_stack(
            self.graph,
            x,
            self._layer_parameters(),
            tuple(initial),
            directions=self._directions,
            dropout=self.dropout,
            training=self.training,
            lengths=lengths,
        )

    def _check_input(self, x: Tensor, axes: str) -> None:
        check_input(type(self).__name__, x, axes, self.input_size, self.graph, self.layer_parameters(0))

    def _check_states(self, states: Sequence[Tensor], x: Tensor) -> None:
        stacked = self._directions * self.num_layers
        check_states(type(self).__name__, states, self.graph, stacked, x, x.shape[1], self.state_sizes)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Size of each state, in the order of the cell's page."""
        sizes = {"H": self.hidden_size, "P": self.proj_size}
        return tuple(sizes[s.size] for s in self.graph.states)

    def layer_parameters(self, layer: int) -> dict[str, Tensor]:
        """Name on the cell's page → stored parameter, of a layer's forward direction."""
        return self._stored_parameters(f"_l{layer}")

    def _layer_parameters(self) -> list[dict[str, Tensor]]:
        suffixes = [f"_l{k}{d}" for k in range(self.num_layers) for d in ("", "_reverse")[: self._directions]]
        return [self._stored_parameters(suffix) for suffix in suffixes]

    def _stored_parameters(self, suffix: str) -> dict[str, Tensor]:
        return stored_parameters(self, {p.name: TORCH_NAMES[p.name] + suffix for p in self.graph.parameters})


def refuse_projection(proj_size: int | None) -> None:
    """Raise torch's ValueError: a projection is an LSTM's."""
    if proj_size is not None:
        raise ValueError("proj_size is an option of LSTM only, not of RNN or GRU")


def _graphs() -> dict[tuple[str, bool, bool], StepGraph]:
    pages = {(mode, False): cell.graph for mode, cell in _CELLS.items()} | {("LSTM", True): lstm_projection.graph}
    return {(m, bias, p): g if bias else without_biases(g) for (m, p), g in pages.items() for bias in (True, False)}


_GRAPHS = _graphs()
"""(mode, bias, projected) → step graph. A table, because torch.compile does not see through a cache."""
