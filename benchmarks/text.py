"""Characters per second of a language model: `python -m benchmarks.text`.

Training: 2 LSTM layers of 128 units over characters, one update being forward, backward, clipping and AdamW on a batch
of streams, the state carried on. The rival is the loop that everybody writes: torch.nn.LSTM on one-hot characters, and
on an embedding of 128 numbers (its own best way, with another first layer); the faster of the two counts. Both sides
begin with the same weights, and their losses and gradients are compared before anything is timed; then they are timed
in turn.

Writing: characters per second that a model draws, in a batch and alone, compiled and step by step, and by the rival's
loop of one step per call.
"""

from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.kernels.timing import interleave
from unspool.cells import find_cell
from unspool.text.network import TextNetwork

CONSOLE = Console(highlight=False, soft_wrap=True)
SYMBOLS, UNITS, LAYERS = 65, 128, 2


class Rival(nn.Module):
    """torch.nn's layers on one-hot characters, or on an embedding."""

    def __init__(self, embedding: int = 0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, embedding) if embedding else None
        self.lstm = nn.LSTM(embedding or SYMBOLS, UNITS, LAYERS, batch_first=True)
        self.readout = nn.Linear(UNITS, SYMBOLS)

    def forward(self, tokens: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        x = functional.one_hot(tokens, SYMBOLS).float() if self.embedding is None else self.embedding(tokens)
        output, states = self.lstm(x, states)
        return self.readout(output), states


class Updates:
    """One update after another of a model on random characters; `step` does one."""

    def __init__(self, model: nn.Module, batch: int, chunk: int, fused: bool) -> None:
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=fused)
        self.tokens = torch.randint(SYMBOLS, (batch, chunk + 1), generator=torch.Generator().manual_seed(0))
        self.states = (torch.zeros(LAYERS, batch, UNITS), torch.zeros(LAYERS, batch, UNITS))

    def loss(self) -> Tensor:
        logits, states = self.model(self.tokens[:, :-1], self.states)
        self.states = tuple(s.detach() for s in states)
        return functional.cross_entropy(logits.flatten(0, 1), self.tokens[:, 1:].flatten())

    def step(self) -> None:
        self.optimizer.zero_grad()
        self.loss().backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()


def with_the_same_weights(ours: TextNetwork, rival: Rival) -> None:
    """Copy the rival's weights into ours."""
    with torch.no_grad():
        for layer in range(LAYERS):
            mine = ours.recurrent.layer_parameters(layer)
            for name, theirs in (("W", "weight_ih"), ("R", "weight_hh"), ("b", "bias_ih"), ("bR", "bias_hh")):
                if name in mine:
                    mine[name].copy_(getattr(rival.lstm, f"{theirs}_l{layer}"))
        ours.readout.load_state_dict(rival.readout.state_dict())


def compare(ours: Updates, rival: Updates) -> float:
    """Largest difference of loss and of the readout's and the first layer's gradients; the states are left at rest."""
    found = []
    for updates in (ours, rival):
        updates.optimizer.zero_grad()
        loss = updates.loss()
        loss.backward()
        updates.states = tuple(torch.zeros_like(s) for s in updates.states)
        model = updates.model
        first = model.recurrent.get_parameter("W_l0") if isinstance(model, TextNetwork) else model.lstm.weight_ih_l0
        found.append((loss.detach(), model.readout.weight.grad, first.grad))
    return max(float((a - b).abs().max()) for a, b in zip(*found, strict=True))


def training(batch: int, chunk: int, seconds: float, table: Table) -> None:
    torch.manual_seed(0)
    network, plain = TextNetwork(find_cell("lstm"), SYMBOLS, UNITS, LAYERS), Rival()
    with_the_same_weights(network, plain)
    ours, theirs, embedded = (Updates(m, batch, chunk, True) for m in (network, plain, Rival(UNITS)))
    difference = compare(ours, theirs)
    if not difference < 1e-5:
        raise SystemExit(f"losses or gradients differ by {difference:.1e}: no figures")
    times = interleave([ours.step, theirs.step, embedded.step], seconds)
    rate = batch * chunk / np.median(times, 1)
    best = np.minimum(np.median(times[1]), np.median(times[2]))
    table.add_row(
        f"training, B = {batch}, T = {chunk}",
        *(f"{r:,.0f}" for r in rate),
        f"{best / np.median(times[0]):.2f}",
        f"{difference:.0e}",
    )


def writing(batch: int, steps: int, seconds: float, table: Table) -> None:
    from unspool.text.chooser import Chooser
    from unspool.text.generation import Position, generate, generate_step_by_step

    torch.manual_seed(0)
    network, plain = TextNetwork(find_cell("lstm"), SYMBOLS, UNITS, LAYERS).eval(), Rival().eval()
    with_the_same_weights(network, plain)
    start = Position(network.rest(batch), torch.zeros(batch, dtype=torch.int64))
    noise = -torch.log(-torch.log(torch.rand(steps, batch, SYMBOLS).clamp(1e-12, 1 - 1e-7)))
    few, chooser = max(8, steps // 16), Chooser()

    @torch.no_grad()
    def rival() -> Tensor:
        states = (torch.zeros(LAYERS, batch, UNITS), torch.zeros(LAYERS, batch, UNITS))
        last, written = torch.zeros(batch, dtype=torch.int64), []
        for row in noise[:few]:
            logits, states = plain(last[:, None], states)
            last = (logits[:, 0] + row).argmax(-1)
            written.append(last)
        return torch.stack(written, 1)

    compiled, _ = generate(network, start, noise, chooser, SYMBOLS)
    stepwise, _ = generate_step_by_step(network, start, noise[:few], chooser, SYMBOLS)
    same = float((compiled[:, :few] == stepwise).float().mean())
    theirs = float((compiled[:, :few] == rival()).float().mean())
    times = interleave(
        [
            lambda: generate(network, start, noise, chooser, SYMBOLS),
            lambda: generate_step_by_step(network, start, noise[:few], chooser, SYMBOLS),
            rival,
        ],
        seconds,
    )
    ours, slow, other = (batch * n / t for n, t in zip((steps, few, few), np.median(times, 1), strict=True))
    table.add_row(
        f"writing, B = {batch}", f"{ours:,.0f}", f"{slow:,.0f}", f"{other:,.0f}", f"{ours / other:.1f}",
        f"{same:.1%}, {theirs:.1%} alike",
    )  # fmt: skip


def main(
    seconds: Annotated[float, typer.Option(help="Of timing a row.")] = 10.0,
    threads: Annotated[int, typer.Option(help="Of torch and ours.")] = 2,
) -> None:
    """Measure and print."""
    torch.set_num_threads(threads)
    learning = Table("", "Unspool", "torch.nn, one-hot", "torch.nn, embedding", "ratio to the best", "differ by")
    for batch, chunk in ((50, 50), (32, 64), (128, 64)):
        training(batch, chunk, seconds, learning)
    CONSOLE.print("[bold]characters per second[/bold], 2 × LSTM-128, float32")
    CONSOLE.print(learning)
    drawing = Table("", "compiled", "step by step", "torch.nn, step by step", "ratio", "same characters")
    for batch, steps in ((64, 512), (1, 2048)):
        writing(batch, steps, seconds, drawing)
    CONSOLE.print(drawing)


if __name__ == "__main__":
    typer.run(main)
