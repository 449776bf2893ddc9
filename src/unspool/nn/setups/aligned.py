"""Many to many, aligned: an output for every step, as for tags or for the next step's value."""

from typing import final

from torch import Tensor, nn

from unspool.nn.recurrent import Recurrent
from unspool.nn.setups.diagram import Diagram
from unspool.nn.stack import States


@final
class ManyToMany(nn.Module):
    """y_t = V h_t + c at every step.

    With the next step as target it learns to predict; then the recurrence must run in one direction, or it would see
    what it is to tell. Two directions suit tags, where the whole sequence is known.

    Args:
        recurrent: any cell over time.
        outputs: O, numbers or classes (y are logits) told at each step.

    Example:
        >>> tagger = ManyToMany(Recurrent("lstm", 12, 32, bidirectional=True), outputs=5)
        >>> tagger(torch.zeros(4, 20, 12))[0].shape
        torch.Size([4, 20, 5])
    """

    def __init__(self, recurrent: Recurrent, outputs: int) -> None:
        super().__init__()
        self.recurrent, self.readout = recurrent, nn.Linear(recurrent.output_size, outputs)

    def forward(
        self, x: Tensor, initial_state: States | None = None, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, States]:
        """[B, T, O] of sequences [B, T, I], and the final states, as `Recurrent` gives them.

        Beyond a sequence's length y is the bias c.
        """
        output, final_state = self.recurrent(x, initial_state, lengths=lengths)
        return self.readout(output), final_state

    def diagram(self) -> Diagram:
        """How it is drawn."""
        return Diagram("many to many, aligned", self.recurrent)
