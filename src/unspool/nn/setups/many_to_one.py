"""Many to one: a sequence in, one vector out, as for classes or an embedding."""

from typing import final

from torch import Tensor, nn

from unspool.nn.recurrent import Recurrent
from unspool.nn.setups.diagram import Diagram
from unspool.nn.setups.pooling import Pool, Pooling


@final
class ManyToOne(nn.Module):
    """y = V pool(h_1 … h_T) + c.

    Args:
        recurrent: any cell over time.
        outputs: O: classes (y are logits), or numbers to be told; 0 for the pooled vector itself, an embedding.
        pool: "last", "mean" or "attention", see `Pooling`.
        dropout: probability of dropping a number of the pooled vector, in training.

    Example:
        >>> model = ManyToOne(Recurrent("gru", 12, 32, bidirectional=True), outputs=9, pool="mean")
        >>> model(torch.zeros(4, 20, 12), lengths=torch.tensor([20, 7, 3, 1])).shape
        torch.Size([4, 9])
    """

    def __init__(self, recurrent: Recurrent, outputs: int, pool: Pool = "last", *, dropout: float = 0.0) -> None:
        super().__init__()
        self.recurrent = recurrent
        self.pooling = Pooling(pool, recurrent.output_size, recurrent.directions)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(recurrent.output_size, outputs) if outputs else nn.Identity()

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[B, O] of sequences [B, T, I], of which sequence i has lengths[i] steps."""
        output, _ = self.recurrent(x, lengths=lengths)
        return self.readout(self.dropout(self.pooling(output, lengths)))

    def diagram(self) -> Diagram:
        """How it is drawn."""
        return Diagram("many to one", self.recurrent, reads="every", gives="last", pooled=self.pooling.pool != "last")
