"""A network that reads what it writes: free running, in one compiled loop where only the temperature is set."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn import functional

from unspool.nn.setups import FedBack
from unspool.nn.stack import States
from unspool.text.chooser import Chooser
from unspool.text.network import TextNetwork
from unspool.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Position:
    """Where texts stand that are being written.

    Attributes:
        states: one [L, B, size] per state of the cell, after everything before `last`.
        last: [B] int64, the symbol that is read next.
        drawn: symbols written so far, of each text: so many numbers of the seed's are used up.
        pending: of a single text, the last bytes written that do not make a character yet; they are not shown.
    """

    states: States
    last: Tensor
    drawn: int = 0
    pending: tuple[int, ...] = ()


def begin(network: TextNetwork, vocabulary: Vocabulary, batch: int = 1) -> Position:
    """Before the first symbol of `batch` texts: an end of a line is read first."""
    last = torch.full((batch,), vocabulary.start, device=network.readout.weight.device)
    return Position(network.rest(batch), last)


@torch.no_grad()
def read(network: TextNetwork, position: Position, symbols: Tensor) -> Position:
    """The position after reading symbols [B, n], or [n] in all texts alike, which are given and not drawn."""
    given = symbols.to(position.last.device).expand(len(position.last), -1)
    if not given.shape[1]:
        return position
    _, states = network.outputs(torch.cat((position.last[:, None], given[:, :-1]), 1), position.states)
    return Position(states, given[:, -1].clone(), position.drawn)


@torch.no_grad()
def generate(
    network: TextNetwork,
    position: Position,
    noise: Tensor,
    chooser: Chooser,
    symbols: int,
) -> tuple[Tensor, Position]:
    """As many symbols as there is `noise` for, and where the texts stand then.

    Args:
        network: in evaluation mode.
        position: of B texts.
        noise: [T, B, V], what the chooser draws with.
        chooser: from logits to symbols.
        symbols: only the first so many of V are drawn.

    Returns:
        symbols [B, T] int64.

    How a run is cut into calls changes nothing. Cost: one compiled loop of T steps (`FedBack`) where symbols are read
    one-hot and the chooser sets a temperature alone; otherwise that of `generate_step_by_step`. Both draw with the same
    numbers, and differ where rounding decides between two symbols.
    """
    if network.embedding is not None or not chooser.is_plain or chooser.temperature == 0:
        return generate_step_by_step(network, position, noise, chooser, symbols)
    like = network.readout.weight
    drawn = noise.to(like.device, like.dtype).transpose(0, 1)
    if symbols < network.symbols:
        drawn = torch.cat(
            [drawn[..., :symbols], drawn.new_full((*drawn.shape[:2], network.symbols - symbols), -torch.inf)], -1
        )
    last = functional.one_hot(position.last, network.symbols).to(like)
    loop = _LOOPS.get(network) or _LOOPS.setdefault(network, _loop_of(network))
    written, (states, _) = loop.sample(
        len(noise), (position.states, last), temperature=chooser.temperature, noise=drawn
    )
    return written, Position(states, written[:, -1].clone(), position.drawn + len(noise))


_LOOPS: WeakKeyDictionary[TextNetwork, FedBack] = WeakKeyDictionary()
"""Of each network the loop around its own layers and readout."""


def _loop_of(network: TextNetwork) -> FedBack:
    return FedBack(network.recurrent, network.symbols, "sample", readout=network.readout).eval()


@torch.no_grad()
def generate_step_by_step(
    network: TextNetwork,
    position: Position,
    noise: Tensor,
    chooser: Chooser,
    symbols: int,
) -> tuple[Tensor, Position]:
    """As `generate`, with any chooser and an embedding.

    Cost: T calls of the network with T = 1, one after the other; the
    calls, not the arithmetic, take the time of a single text.
    """
    states, last, written = position.states, position.last, []
    for row in noise.to(last.device, network.readout.weight.dtype):
        logits, states = network(last[:, None], states)
        last = chooser(logits[:, 0, :symbols], row[:, :symbols])
        written.append(last)
    drawn = position.drawn + len(written)
    return torch.stack(written, 1), Position(states, last, drawn)
