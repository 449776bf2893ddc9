"""A long sequence, read chunk by chunk: truncated BPTT in constant memory."""

from typing import Any, NamedTuple, Self, final

from torch import Tensor

from unspool.errors import SettingError, ShapeError


class Chunk(NamedTuple):
    """A piece of a stream.

    Attributes:
        x: [B, T, …].
        y: [B, T, …] what is to be predicted at each step of x.
        is_first: whether it begins the sequences: states from before do not belong to it.
    """

    x: Tensor
    y: Tensor
    is_first: bool


@final
class Stream:
    """Chunks of sequences in their order, without end: after the last one it begins anew. It is `Resumable`.

    Args:
        sequences: [B, T_total, …] tokens or features; a tensor of `torch.from_file` is read as it is needed.
        chunk: T, steps per chunk. What is left at the end of the sequences is a shorter chunk.
        targets: [B, T_total, …]; by default the sequences one step later, so that x(t) predicts x(t+1).

    Raises:
        SettingError: chunk is below 1.
        ShapeError: there is nothing to predict, or the targets do not fit the sequences.

    Truncated backpropagation through time: gradients reach back to the start of the chunk, the state further
    (`Carried`). Williams & Peng 1990, DOI 10.1162/neco.1990.2.4.490, BPTT(h; h′) with h = h′ = chunk.
    Memory: that of one chunk, whatever T_total.
    """

    def __init__(self, sequences: Tensor, chunk: int, targets: Tensor | None = None) -> None:
        if chunk < 1:
            raise SettingError(f"chunk is {chunk}", hint="give a number of steps, at least 1")
        if sequences.dim() < 2:
            raise ShapeError(
                f"a stream's sequences are {list(sequences.shape)}; expected [B, T_total, …]",
                hint="parallel_rows(sequence, B) cuts one sequence [T_total, …] into B rows",
            )
        if targets is not None and targets.shape[:2] != sequences.shape[:2]:
            raise ShapeError(
                f"a stream's targets are {list(targets.shape)}; expected [B={sequences.shape[0]}, "
                f"T_total={sequences.shape[1]}, …] as the sequences are"
            )
        self._sequences, self._targets, self.chunk = sequences, targets, chunk
        self._total = sequences.shape[1] - (targets is None)
        if self._total < 1 or not sequences.shape[0]:
            raise ShapeError(f"a stream's sequences are {list(sequences.shape)}: there is no step to predict")
        self._next = 0

    @property
    def chunks(self) -> int:
        """Chunks from the beginning of the sequences to their end."""
        return -(-self._total // self.chunk)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Chunk:
        start = self._next
        end = min(start + self.chunk, self._total)
        self._next = 0 if end == self._total else end
        x = self._sequences[:, start:end]
        y = self._sequences[:, start + 1 : end + 1] if self._targets is None else self._targets[:, start:end]
        return Chunk(x, y, start == 0)

    def state_dict(self) -> dict[str, Any]:
        """Where the next chunk begins."""
        return {"next": self._next}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` says.

        Raises:
            ShapeError: the sequences end before.
        """
        if not 0 <= state["next"] < self._total:
            raise ShapeError(
                f"the stream was at step {state['next']}; its sequences now have {self._total} steps to predict",
                hint="give the sequences that it was started with",
            )
        self._next = state["next"]


def parallel_rows(sequence: Tensor, rows: int) -> Tensor:
    """[rows, T // rows, …]: one long sequence [T, …] cut into rows that are read side by side.

    Steps that do not fill a whole column at the end are left out.

    Raises:
        SettingError: fewer than one row, or more than there are steps.
    """
    if not 1 <= rows <= len(sequence):
        raise SettingError(f"rows is {rows}; a sequence of {len(sequence)} steps has 1 to {len(sequence)}")
    steps = len(sequence) // rows
    return sequence[: rows * steps].unflatten(0, (rows, steps))
