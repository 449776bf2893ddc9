"""Symbols in, logits of the next symbol out: a lookup, recurrent layers, a linear readout."""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from unspool.errors import SettingError
from unspool.lang import Cell
from unspool.nn import Recurrent
from unspool.nn.setups import Diagram
from unspool.nn.stack import States, unroll_stack
from unspool.passes import settled
from unspool.runtime import unroll
from unspool.text.lookup import Lookup, lookup


@final
class TextNetwork(nn.Module):
    """A language model over V symbols.

    Args:
        cell: of every layer.
        symbols: V.
        hidden_size: H, units per layer.
        num_layers: L.
        dropout: probability of dropping an output, between layers and before the readout (Zaremba et al. 2014,
            arXiv:1409.2329), in training.
        embedding: E, numbers that a symbol is first turned into; 0: one-hot, which is a column of the first layer's
            matrices and costs nothing to multiply.
        tied: the readout's matrix is the embedding's (Press & Wolf 2017, arXiv:1608.05859); E must be the output's
            size.

    Raises:
        SettingError: a tied readout whose sizes differ, or a cell that needs an input of its own per step.

    Example:
        >>> from unspool.cells import find_cell
        >>> network = TextNetwork(find_cell("lstm"), symbols=65, hidden_size=16)
        >>> logits, states = network(torch.zeros(2, 5, dtype=torch.int64))
        >>> logits.shape
        torch.Size([2, 5, 65])
    """

    def __init__(
        self,
        cell: Cell,
        symbols: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        dropout: float = 0.0,
        embedding: int = 0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        if numbers := settled(cell.graph).number_inputs:
            names = ", ".join(v.name for v in numbers)
            raise SettingError(f"cell {cell.name} reads {names} at every step, which a text does not have")
        self.symbols, self.dropout = symbols, dropout
        self.embedding = nn.Embedding(symbols, embedding) if embedding else None
        self.recurrent = Recurrent(cell, embedding or symbols, hidden_size, num_layers, dropout=dropout)
        self.readout = nn.Linear(self.recurrent.output_size, symbols)
        self._open_the_input()
        if tied:
            if self.embedding is None or embedding != self.recurrent.output_size:
                raise SettingError(
                    f"a tied readout needs an embedding of the output's size, {self.recurrent.output_size}; it is "
                    f"{embedding}",
                    hint=f"--embedding {self.recurrent.output_size}",
                )
            nn.init.normal_(self.embedding.weight, std=embedding**-0.5)
            self.readout.weight = self.embedding.weight

    def forward(self, tokens: Tensor, states: States | None = None) -> tuple[Tensor, States]:
        """Logits [B, T, V] of the symbol after each of `tokens` [B, T] (int64), and the states after the last.

        `states` are those before the first, one [L, B, size] per state of the cell; by default zeros.
        """
        output, states = self.outputs(tokens, states)
        return self.readout(self._drop(output)), states

    def outputs(self, tokens: Tensor, states: States | None = None) -> tuple[Tensor, States]:
        """Outputs [B, T, ·] of the last layer, and the states after the last step."""
        layer = self.recurrent
        start = self.rest(tokens.shape[0]) if states is None else states
        columns = self.columns
        if columns is None:
            return layer(self.features(tokens), start)
        parameters = [layer.layer_parameters(k) for k in range(layer.num_layers)]
        output, first = unroll(
            columns.graph,
            columns.inputs(tokens.t(), parameters[0]),
            columns.parameters(parameters[0]),
            [s[0] for s in start],
        )
        if layer.num_layers == 1:
            return output.transpose(0, 1), tuple(s[None] for s in first)
        output, others = unroll_stack(
            layer.graph,
            self._drop(output),
            parameters[1:],
            tuple(s[1:] for s in start),
            directions=1,
            dropout=self.dropout,
            training=self.training,
        )
        return output.transpose(0, 1), tuple(torch.cat((a[None], b)) for a, b in zip(first, others, strict=True))

    def diagram(self) -> Diagram:
        """How it is drawn: as it learns. When it writes, a symbol it tells is the one that it reads next."""
        return Diagram("the symbol that comes next", self.recurrent)

    @property
    def columns(self) -> Lookup | None:
        """How the first layer reads symbols without multiplying; None where it multiplies `features`."""
        return lookup(self.recurrent.graph) if self.embedding is None else None

    def features(self, tokens: Tensor) -> Tensor:
        """Symbols [B, T] as vectors [B, T, I]: embedded, or one-hot."""
        if self.embedding is not None:
            return self.embedding(tokens)
        return functional.one_hot(tokens, self.symbols).to(self.readout.weight.dtype)

    def rest(self, batch: int) -> States:
        """The states before a text begins: zeros [L, B, size]."""
        weight = self.readout.weight
        return tuple(weight.new_zeros(self.recurrent.num_layers, batch, n) for n in self.recurrent.state_sizes)

    @torch.no_grad()
    def _open_the_input(self) -> None:
        """A symbol moves the first layer's pre-activations by about 1 from the start.

        ±1/√H, which suits dense features, is a whisper for one-hot ones. On tiny Shakespeare, two LSTM layers of 128
        after three quarters of a pass: 2.31 nats with it and 2.00 with a deviation of 0.5, both at a rate of 0.005;
        1.85 with 0.5 and 1.79 with 1, both at 0.01.
        """
        columns = self.columns
        for parameter, _ in columns.columns if columns is not None else ():
            nn.init.normal_(self.recurrent.get_parameter(f"{parameter.name}_l0"))

    def _drop(self, output: Tensor) -> Tensor:
        return functional.dropout(output, self.dropout, self.training) if self.dropout else output
