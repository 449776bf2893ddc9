"""Lyapunov spectra at full length against known answers, and an LSTM's beside a torch.func.jacrev loop.

The known answers are those of KNOWN-ANSWERS §2 and their sources; a row holds where every exponent lies within 3.5
error bars and what the answer is known to. The loop is what one writes with torch alone: the LSTM's equations as a
function of [h, c], torch.func.jacrev of it, a product, and torch.linalg.qr every k steps, k being what ours took on
average. Both run over the same first steps from the same columns before anything is timed, and have to agree (the loop
with k = 1, since it does not watch its columns); then the loop is timed on some steps and scaled to all.
"""

import math
import time
from collections.abc import Callable
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from unspool.dynamics.spectra.lyapunov import LyapunovSpectrum, lyapunov_spectrum, product_spectrum
from unspool.dynamics.systems.classics import henon, lorenz63, lorenz96, rossler
from unspool.dynamics.systems.system import as_system
from unspool.nn import LSTM, Recurrent

CONSOLE = Console(highlight=False, soft_wrap=True)
F64 = torch.float64


def lorenz63_row() -> LyapunovSpectrum:
    start = 5 * torch.randn(64, 3) + torch.tensor([0.0, 0.0, 25.0])
    return lyapunov_spectrum(lorenz63(), initial_state=start, steps=40_000)


def lorenz96_row() -> LyapunovSpectrum:
    return lyapunov_spectrum(lorenz96(), initial_state=8 + torch.randn(16, 40), steps=10_000)


def newman_row() -> LyapunovSpectrum:
    return product_spectrum(torch.randn(50_000, 20, 20, dtype=F64) * 1.5 / 20**0.5)


def newman() -> list[float]:
    i = torch.arange(1, 21, dtype=F64)
    return (math.log(1.5) + (math.log(2 / 20) + torch.digamma((20 - i + 1) / 2)) / 2).tolist()


def tanh_row(g: float) -> LyapunovSpectrum:
    layer = Recurrent("elman", 1, 500, bias=False, dtype=F64)
    nn.init.normal_(layer.get_parameter("R_l0"), std=g / 500**0.5)
    return lyapunov_spectrum(layer, steps=20_000, count=1)


def continuous_row() -> LyapunovSpectrum:
    """Euler's steps of dt = .05: of a CTRNN with time constants of 20 steps. In nats per step."""
    layer = Recurrent("ctrnn", 1, 1500, dtype=F64)
    for name, parameter in layer.named_parameters():
        nn.init.normal_(parameter, std=2 / 1500**0.5) if name == "R_l0" else nn.init.zeros_(parameter)
    nn.init.constant_(layer.get_parameter("s_l0"), math.log(math.expm1(19)))
    return lyapunov_spectrum(layer, steps=20_000, count=1)


ROWS: list[tuple[str, Callable[[], LyapunovSpectrum], list[float], float]] = [
    ("Lorenz-63", lorenz63_row, [0.9056, 0.0, -14.572], 5e-4),
    (
        "Rössler",
        lambda: lyapunov_spectrum(rossler(), initial_state=torch.randn(64, 3), steps=40_000),
        [0.0694, 0.0, -5.393],
        1e-3,
    ),
    (
        "Hénon",
        lambda: lyapunov_spectrum(henon(), initial_state=0.1 * torch.rand(64, 2), steps=20_000),
        [0.4193, -1.6233],
        5e-4,
    ),
    ("Lorenz-96, first of 40", lorenz96_row, [1.7], 0.03),
    ("Newman, N = 20, g = 1.5", newman_row, newman(), 0.0),
    ("tanh network, N = 500, g = 1.5", lambda: tanh_row(1.5), [0.054], 3 * 0.008),
    ("tanh network, N = 500, g = 2", lambda: tanh_row(2.0), [0.152], 3 * 0.002),
    ("tanh network, N = 500, g = 3", lambda: tanh_row(3.0), [0.304], 3 * 0.001),
    ("continuous, N = 1500, g = 2", continuous_row, [0.090 * 0.05], 0.005 * 0.05),
]
"""(name, what is run, its first exponents, what they are known to)."""


def known_answers() -> int:
    """Print the table; how many rows do not hold."""
    table = Table("system", "expected", "got", "dimension", "seconds", "holds")
    wrong = 0
    for name, run, expected, known_to in ROWS:
        torch.manual_seed(0)
        begin = time.perf_counter()
        found = run()
        seconds = time.perf_counter() - begin
        values, errors = found.exponents[: len(expected)], found.errors[: len(expected)]
        away = (values - torch.tensor(expected, dtype=F64)).abs()
        holds = bool((away <= 3.5 * errors + known_to).all())
        wrong += not holds
        got = ", ".join(f"{v:.4f}±{e:.4f}" for v, e in list(zip(values, errors, strict=True))[:3])
        if len(expected) > 3:
            got += f" … largest difference {float(away.max()):.4f}"
        more = "" if math.isnan(found.dimension) else f"{found.dimension:.3f}"
        text = ", ".join(f"{v:.4f}" for v in expected[:3])
        table.add_row(name, text, got, more, f"{seconds:.1f}", "yes" if holds else "NO")
        if "Lorenz-96" in name:
            total, positive = float(found.exponents.sum()), int((found.exponents > 0).sum())
            table.add_row("  their sum, positive", "-40, 13, dimension 27.2", f"{total:.4f}, {positive}", "", "", "")
    CONSOLE.print(table)
    return wrong


def loop(layer: LSTM, x: Tensor, columns: Tensor, every: int) -> tuple[Tensor, float]:
    """Exponents [S] along x [T, I], from orthonormal columns [S, S] and a state of zero; seconds."""
    W, R, b = layer.weight_ih_l0.detach(), layer.weight_hh_l0.detach(), (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
    H = layer.hidden_size

    def step(state: Tensor, u: Tensor) -> Tensor:
        i, f, g, o = (W @ u + R @ state[:H] + b).chunk(4)
        c = torch.sigmoid(f) * state[H:] + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c])

    derive = torch.func.jacrev(step)
    state, logs = x.new_zeros(2 * H), x.new_zeros(2 * H)
    begin = time.perf_counter()
    for t, u in enumerate(x):
        columns = derive(state, u) @ columns
        state = step(state, u)
        if (t + 1) % every == 0 or t + 1 == len(x):
            columns, R_t = torch.linalg.qr(columns)
            logs += R_t.diagonal().abs().log()
    return logs / len(x), time.perf_counter() - begin


def speed(units: int, steps: int, some: int, dtype: torch.dtype, table: Table) -> int:
    """Add a row; 1 if ours and the loop do not agree."""
    torch.manual_seed(0)
    layer, x = LSTM(8, units).to(dtype), torch.randn(steps, 8, dtype=dtype)
    system = as_system(layer.requires_grad_(False))
    lyapunov_spectrum(system, x[:50])  # compiles
    generator = torch.Generator().manual_seed(0)
    columns = torch.randn((1, 2 * units, 2 * units), generator=generator, dtype=F64)[0]
    columns = torch.linalg.qr(columns.to(dtype)).Q
    few = lyapunov_spectrum(system, x[:some], discard=0, discard_q=0)
    expected, _ = loop(layer, x[:some], columns, 1)
    difference = float((few.exponents - expected.double().sort(descending=True).values).abs().max())
    if not difference < 1e-3:
        CONSOLE.print(f"{dtype}: exponents differ from the loop's by {difference:.1e}")
        return 1
    begin = time.perf_counter()
    found = lyapunov_spectrum(system, x, discard=0, discard_q=steps // 20)
    seconds = time.perf_counter() - begin
    every = max(1, round(found.every))
    scaled = loop(layer, x[:some], columns, every)[1] / some * steps
    first, last = (f"{float(found.exponents[i]):.4f}±{float(found.errors[i]):.4f}" for i in (0, -1))
    lost = int(found.exponents.isneginf().sum())
    table.add_row(
        str(dtype).removeprefix("torch."),
        f"{seconds:.1f}",
        f"{found.every:.2f}",
        f"{scaled:.0f} s, k = {every}",
        f"{scaled / seconds:.1f}",
        f"{difference:.1e}",
        f"{first} … {last}",
        f"{int(found.resolved.sum()) - lost} of {2 * units}",
    )
    return 0


def main(
    units: Annotated[int, typer.Option(help="Of the LSTM; it has twice as many exponents.")] = 128,
    steps: Annotated[int, typer.Option(help="Driven steps.")] = 10_000,
    some: Annotated[int, typer.Option(help="Steps that the loop is compared and timed on.")] = 100,
    threads: Annotated[int, typer.Option(help="Of torch.")] = torch.get_num_threads(),
    dtype: Annotated[str, typer.Option(help="float64 or float32, which resolves fewer exponents.")] = "float64",
    only: Annotated[str, typer.Option(help="answers or speed; both by default.")] = "",
) -> None:
    """Lyapunov spectra: known answers, and speed."""
    torch.set_num_threads(threads)
    wrong = known_answers() if only in ("", "answers") else 0
    if only in ("", "speed"):
        table = Table(title=f"LSTM-{units}, {2 * units} exponents, {steps} driven steps, {threads} threads")
        for column in ("dtype", "seconds", "k", "jacrev loop", "ratio", "differ by", "exponents", "resolved"):
            table.add_column(column)
        wrong += speed(units, steps, some, getattr(torch, dtype), table)
        CONSOLE.print(table)
    if wrong:
        CONSOLE.print(f"FAIL: {wrong} rows")
        raise typer.Exit(1)
