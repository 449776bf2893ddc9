"""Speed of every cell beside its rivals: `python -m benchmarks.kernels`.

Correct first or no number: before a row is timed, our output, final states and every gradient are compared with the
reference backend in float64, and so are the rivals'. All contenders run in this process, in turn. Losing rows are
printed too. The exit code is 1 if any row of ours is wrong or ran on another backend than the forced one.

What is timed: `Recurrent(cell, I, H)` on an input that is stored time-major, as everybody's is; forward under no_grad;
forward + backward as output and the gradients of x and all parameters for a fixed gradient of the output. GFLOP are
those of the products with x and with the states (three times with gradients), as a share of the fastest torch.mm.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.kernels.case import DTYPES, MODES, SIZES, SIZES_64, Size, make_case
from benchmarks.kernels.machine import facts, limit_threads, peak
from unspool import built_in, find_cell
from unspool.passes import as_run

NOT_BY_DEFAULT = ("elman_relu", "elman_linear", "lstm_projection")
RIVALS = ("torch.nn", "eager", "compile", "jax")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(
    cells: Annotated[str, typer.Option(help="Names or FILE.py:NAME; by default all but variants of a page.")] = "",
    sizes: Annotated[str, typer.Option(help="BxTxIxH, comma-separated; by default the issue's seven.")] = "",
    dtype: Annotated[str, typer.Option(help="float32, float64 (three sizes by default), or both.")] = "float32",
    only: Annotated[str, typer.Option(help="forward or training; both by default.")] = "",
    rivals: Annotated[str, typer.Option(help="Comma-separated; 'none' for ours alone.")] = ",".join(RIVALS),
    seconds: Annotated[float, typer.Option(help="Of timing a row; at least 5 rounds are timed.")] = 3.0,
    threads: Annotated[int, typer.Option(help="For torch, XLA and ours.")] = CORES,
    backend: Annotated[str, typer.Option(envvar="UNSPOOL_BACKEND", help="That ours is forced to.")] = "llvm",
    compile_limit: Annotated[float, typer.Option(help="Seconds for compiling one whole loop; 0: steps only.")] = 120.0,
    growth: Annotated[bool, typer.Option("--growth", help="Only the growth in T and B (with --cells).")] = False,
    single: Annotated[bool, typer.Option("--single", help="Only the time per step at B = 1.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All rows in both dtypes, and both tables.")] = False,
    json: Annotated[Path | None, typer.Option(help="Where to write all figures, after every row.")] = None,
) -> None:
    """Measure and print."""
    os.environ["UNSPOOL_BACKEND"] = backend
    limit_threads(threads)  # before JAX is loaded
    from benchmarks.kernels import further
    from benchmarks.kernels.output import CONSOLE, line, save, table
    from benchmarks.kernels.rows import Row, Setting
    from benchmarks.kernels.summary import summary
    from unspool.runtime.dispatch import BACKENDS

    names = tuple(n for n in rivals.split(",") if n and n != "none")
    modes = tuple(m for m in MODES if only in ("", m))
    chosen = cells.split(",") if cells else [n for n in built_in() if n not in NOT_BY_DEFAULT]
    for what, given, known in (
        ("--rivals", names, RIVALS),
        ("--only", [only] if only else [], MODES),
        ("--dtype", [dtype], (*DTYPES, "both")),
        ("--cells", [n for n in chosen if ".py" not in n], built_in()),
        ("--backend", [backend], BACKENDS),
    ):
        if unknown := [g for g in given if g not in known]:
            raise typer.BadParameter(f"{what}: {', '.join(unknown)}; known: {', '.join(known)}")
    setting = Setting(backend, names, seconds, compile_limit)
    about = facts(backend)
    CONSOLE.print("machine " + "; ".join(f"{k} {v}" for k, v in about.items()), markup=False)
    if "jax" in names and about["jax"] == "missing":
        CONSOLE.print("jax is not installed: its rows are skipped (pip install -c constraints.txt 'unspool[bench]')")

    if numbers := [n for n in chosen if as_run(find_cell(n).graph).number_inputs]:
        CONSOLE.print(f"skipped, they read a number per step: {', '.join(numbers)}")
        chosen = [n for n in chosen if n not in numbers]

    rows: list[Row] = []
    extra: list[dict[str, Any]] = []
    peaks: dict[str, str] = {}
    failed = 0

    def peak_of(name: str) -> float:
        rate, shape = peak(DTYPES[name])
        peaks[name] = f"{rate:.1f} GFLOP/s at {shape}"
        CONSOLE.print(f"peak {name} {peaks[name]} (torch.mm)")
        return rate

    def keep() -> None:
        if json is not None:
            save(json, about, peaks, rows, extra)

    if everything or not (growth or single):
        for name in DTYPES if everything or dtype == "both" else (dtype,):
            usual = SIZES if name == "float32" else SIZES_64
            given = tuple(Size.parse(s) for s in sizes.split(",")) if sizes else usual
            found = _measured(chosen, given, name, modes, peak_of(name), setting, rows, keep)
            for mode in modes:
                mine = [r for r in found if r.mode == mode]
                CONSOLE.print("\n", table(mine, names, backend))
                overview, lines = summary(mine)
                CONSOLE.print("\n", overview)
                for text in lines:
                    CONSOLE.print(text, markup=False)
    if single or everything:
        alone = further.single(peak_of("float32"), setting)
        extra += [{"table": "single", "row": line(r)} for r in alone]
        failed += sum(r.ours is None for r in alone)
    if growth or everything:
        grown, wrong = further.growth(cells.split(",") if cells else list(further.AIMS), setting)
        extra += grown
        failed += wrong
    keep()
    failed += sum(r.ours is None for r in rows)
    if failed:
        CONSOLE.print(f"FAIL: {failed} rows")
        raise typer.Exit(1)


def _measured(
    cells: list[str],
    sizes: tuple[Size, ...],
    dtype: str,
    modes: tuple[str, ...],
    rate: float,
    setting: Any,
    rows: list[Any],
    keep: Any,
) -> list[Any]:
    from benchmarks.kernels.oracle import truth
    from benchmarks.kernels.output import CONSOLE, line
    from benchmarks.kernels.rows import measure

    found = []
    for cell in cells:
        for size in sizes:
            case = make_case(cell, size, DTYPES[dtype])
            wanted = truth(case)
            for mode in modes:
                row = measure(case, mode, wanted, rate, setting)
                found.append(row)
                rows.append(row)
                CONSOLE.print(line(row), markup=False)
                keep()
    return found


if __name__ == "__main__":
    torch.manual_seed(0)
    typer.run(main)
