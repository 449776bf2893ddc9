"""Many to many by encoder and decoder: one network reads a sequence, another tells one of any other length."""

from typing import final

import torch
from torch import Tensor, nn

from unspool.nn.recurrent import Recurrent
from unspool.nn.setups.attention import Attention
from unspool.nn.setups.diagram import Diagram
from unspool.nn.setups.fed_back import FedBack, FedState
from unspool.nn.setups.pooling import Pooling


@final
class EncoderDecoder(nn.Module):
    """The decoder begins where the encoder ended, and is fed its own output.

    Cho et al. 2014 (arXiv:1406.1078), Sutskever et al. 2014 (arXiv:1409.3215). Where the two have the same cell, layers
    and units and the encoder runs in one direction, the states are handed over as they are; else every state of the
    decoder begins at tanh(A e + a), e the encoder's last output (Bahdanau et al. 2015, arXiv:1409.0473).

    Args:
        encoder: any cell over the sequence that is read.
        decoder: any cell, its output fed back.
        attention: whether every step of the decoder also looks at all outputs of the encoder, see `Attention`.

    Without attention the decoder's loop is one compiled step. With it, teacher forcing still runs all steps at once;
    running freely takes them one by one in Python, since a step then needs more than its state.

    Example:
        >>> model = EncoderDecoder(Recurrent("gru", 3, 16), FedBack(Recurrent("gru", 2, 16), outputs=2))
        >>> model(torch.zeros(4, 10, 3), steps=6).shape
        torch.Size([4, 6, 2])
    """

    def __init__(self, encoder: Recurrent, decoder: FedBack, *, attention: bool = False) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        inside = decoder.recurrent
        self.hands_over = (
            not encoder.bidirectional
            and encoder.graph == inside.graph
            and (encoder.num_layers, encoder.state_sizes) == (inside.num_layers, inside.state_sizes)
        )
        self.pooling = Pooling("last", encoder.output_size, encoder.directions)
        self.begin = nn.ModuleList(
            nn.Linear(encoder.output_size, inside.num_layers * size)
            for size in (() if self.hands_over else inside.state_sizes)
        )
        self.attention = Attention(inside.output_size, encoder.output_size) if attention else None

    def forward(
        self,
        read: Tensor,
        targets: Tensor | None = None,
        *,
        x: Tensor | None = None,
        alpha: float | Tensor = 0.0,
        steps: int | None = None,
        lengths: Tensor | None = None,
        start: Tensor | None = None,
    ) -> Tensor:
        """Read sequences, tell others.

        Args:
            read: [B, S, I]; row i has lengths[i] steps.
            targets: [B, T, O]; this and the others but lengths are the decoder's, see `FedBack.forward`.
            x: [B, T, I] of the decoder, where it has features.
            alpha: share of the truth in what the decoder is fed.
            steps: T, where neither x nor targets says so.
            lengths: [B]; by default all have S steps.
            start: [B, O], what the decoder's first step is fed; by default zeros.

        Returns:
            [B, T, O], as the decoder tells it.
        """
        memory, state = self.encode(read, lengths)
        if self.attention is None:
            return self.decoder(x, targets, alpha=alpha, steps=steps, initial_state=state, start=start)[0]
        return self.decoder.attending(
            lambda output: self._look(output, memory, lengths),
            x,
            targets,
            alpha=alpha,
            steps=steps,
            initial_state=state,
            start=start,
        )

    def encode(self, read: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, FedState]:
        """What the encoder tells [B, S, D · H], and the state that the decoder begins with."""
        memory, final = self.encoder(read, lengths=lengths)
        y = read.new_zeros(len(read), self.decoder.outputs)
        if self.hands_over:
            return memory, (final, y)
        end, layers = self.pooling(memory, lengths), self.decoder.recurrent.num_layers
        return memory, (
            tuple(torch.tanh(f(end)).view(len(end), layers, -1).transpose(0, 1) for f in self.begin),
            y,
        )

    def _look(self, output: Tensor, memory: Tensor, lengths: Tensor | None) -> Tensor:
        assert self.attention is not None
        return self.attention(output, memory, lengths)

    def diagram(self) -> Diagram:
        """How it is drawn."""
        encoder = Diagram("encoder", self.encoder, gives="none", steps=3)
        return Diagram(
            "encoder and decoder",
            self.decoder.recurrent,
            reads="every" if self.decoder.features else "none",
            fed_back=True,
            steps=3,
            encoder=encoder,
            attends=self.attention is not None,
        )
