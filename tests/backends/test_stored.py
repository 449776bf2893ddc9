"""Object code on disk: found again, never trusted when damaged or another's, and never needed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unspool.backends.llvm import NARROWER, SweepKernel, stored
from unspool.backends.llvm.stored import cache_folder, object_code
from unspool.cells import built_in
from unspool.passes import make_plan
from unspool.passes.fold import fold
from unspool.passes.sweep import Sweep

SWEEPS: dict[str, Sweep] = {n: fold(make_plan(built_in()[n].graph)).forward for n in ("elman", "gru")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kernels"
    monkeypatch.setenv("UNSPOOL_CACHE", str(path))
    return path


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sweeps that were compiled, in order; each takes no time."""
    names = []

    def compile_object(module: object, target: object, thorough: bool) -> bytes:
        names.append(str(target))
        return b"code of " + str(len(names)).encode()

    monkeypatch.setattr(stored, "compile_object", compile_object)
    monkeypatch.setattr(SweepKernel, "source", lambda self: None)
    return names


def kernel(name: str = "elman", dtype: str = "float32", *, is_adjoint: bool = False, target: str | None = None):
    return SweepKernel(SWEEPS[name], dtype, is_adjoint=is_adjoint, target=None if target is None else NARROWER[target])


def entry(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_compiled_once(folder: Path, compiled: list[str]):
    assert object_code(kernel()) == object_code(kernel()) == b"code of 1"
    assert len(compiled) == 1
    assert entry(folder).suffix == ".o"
    if hasattr(os, "getuid"):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert entry(folder).stat().st_mode & 0o777 == 0o600


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[:-3],
    "only a digest": lambda data: data[:32],
    "shorter than a digest": lambda data: data[:7],
    "a bit flipped": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "another digest": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "something else": lambda data: b"\x7fELF" * 100,
    "longer": lambda data: data + b"x",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_rebuilt(damage: Callable[[bytes], bytes], folder: Path, compiled: list[str]):
    object_code(kernel())
    path = entry(folder)
    path.write_bytes(damage(path.read_bytes()))
    assert object_code(kernel()) == b"code of 2"
    assert object_code(kernel()) == b"code of 2", "and is whole again"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners are POSIX's")
class TestWhoseItIs:
    @pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
    def test_a_folder_that_others_may_write(self, mode: int, folder: Path, compiled: list[str]):
        object_code(kernel())
        folder.chmod(mode)
        assert object_code(kernel()) == b"code of 2"

    @pytest.mark.parametrize("mode", [0o666, 0o620])
    def test_a_file_that_others_may_write(self, mode: int, folder: Path, compiled: list[str]):
        object_code(kernel())
        entry(folder).chmod(mode)
        assert object_code(kernel()) == b"code of 2"

    def test_what_another_user_owns(self, folder: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch):
        object_code(kernel())
        monkeypatch.setattr(os, "getuid", lambda: entry(folder).stat().st_uid + 1)
        assert object_code(kernel()) == b"code of 2"

    def test_a_pipe_in_its_place(self, folder: Path, compiled: list[str]):
        object_code(kernel())
        path = entry(folder)
        path.unlink()
        path.mkdir()
        assert object_code(kernel()) == b"code of 2"
        assert object_code(kernel()) == b"code of 3", "nothing can be stored there, nor is it needed"


def test_a_folder_that_cannot_be(tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("UNSPOOL_CACHE", str(tmp_path / "file" / "kernels"))
    assert object_code(kernel()) == b"code of 1"
    assert object_code(kernel()) == b"code of 2"


def test_a_full_disk(folder: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored, "write_file", full)
    assert object_code(kernel()) == b"code of 1"


def test_an_empty_name_means_no_files(tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert cache_folder() is None
    object_code(kernel())
    assert not list(tmp_path.rglob("*"))


def test_the_users_cache_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("UNSPOOL_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "unspool" / "kernels"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "unspool" / "kernels"


def test_whatever_decides_the_code_decides_its_name(folder: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch):
    kernels = [
        kernel(), kernel("gru"), kernel(dtype="float64"), kernel(is_adjoint=True),
        kernel(target="avx2"), kernel(target="sse2"),
    ]  # fmt: skip
    cell = kernel()
    cell.target = replace(cell.target, features=cell.target.features + ",+other")
    cut = kernel()
    cut.sweep = replace(cut.sweep, writes=())
    for one in (*kernels, cell, cut):
        object_code(one)
    assert len(list(folder.iterdir())) == len(compiled) == 8
    monkeypatch.setattr(stored, "_generator", lambda: "another version")
    object_code(kernel())
    assert len(list(folder.iterdir())) == 9


def test_what_is_long_unused_is_deleted(folder: Path, compiled: list[str]):
    object_code(kernel())
    old, foreign = entry(folder), folder / "notes.txt"
    foreign.write_text("mine")
    long_ago = time.time() - 91 * 24 * 3600
    for path in (old, foreign):
        os.utime(path, (long_ago, long_ago))
    stored._sweep_out.cache_clear()  # another process
    object_code(kernel("gru"))
    assert not old.exists()
    assert foreign.exists()
    recent = next(folder.glob("*.o"))
    os.utime(recent, (time.time() - 80 * 24 * 3600, long_ago))  # read eighty days ago
    stored._sweep_out.cache_clear()
    object_code(kernel(dtype="float64"))
    assert recent.exists()


NAMES = """
from unspool.backends.llvm import SweepKernel, stored
from unspool.cells import built_in
from unspool.passes import make_plan
from unspool.passes.fold import fold
from unspool.passes.save import plan_training
for cell in built_in().values():
    training = plan_training(fold(make_plan(cell.graph)).forward)
    for sweep in (training.forward, training.adjoint):
        print(stored._key(SweepKernel(sweep, "float32", is_adjoint=sweep is training.adjoint)))
"""


def test_every_process_looks_for_the_same_names():
    """Whatever order its sets are in."""
    names = [
        subprocess.run(
            [sys.executable, "-c", NAMES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert len(set(names)) == 1
    assert len(set(names[0].split())) == 2 * len(built_in())


RUN = """
import hashlib, sys, torch
from unspool.backends.llvm import stored
if sys.argv[1] == "warm":
    def refuse(*_):
        raise AssertionError("compiled again")
    stored.compile_object = refuse
from unspool.nn import Recurrent
torch.manual_seed(0)
layer = Recurrent("lem", 3, 9)
output, _ = layer(torch.randn(2, 4, 3))
output.sum().backward()
print(hashlib.sha256(b"".join(t.detach().numpy().tobytes() for t in (output, layer.W_l0.grad))).hexdigest())
"""


def start(mode: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RUN, mode], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_at_once_and_one_after_them(folder: Path):
    """Both compile into an empty folder; a third process finds everything there."""
    results = []
    for process in [start("cold"), start("cold")]:
        results.append((*process.communicate(timeout=120), process.returncode))
    assert [code for _, _, code in results] == [0, 0], results
    names = [path.name for path in folder.iterdir()]
    assert len(names) == 6, "training, adjoint, tiles of two widths, what adjoints collect with, and what adds it up"
    assert all(name.endswith(".o") and not name.startswith(".") for name in names)
    warm = start("warm")
    output, errors = warm.communicate(timeout=120)
    assert (warm.returncode, errors) == (0, "")
    assert {output, *(text for text, _, _ in results)} == {output}


def test_a_kernel_from_disk_runs(folder: Path, monkeypatch: pytest.MonkeyPatch):
    first = kernel()
    first.launch  # noqa: B018 - compiles and loads
    monkeypatch.setattr(stored, "compile_object", lambda *_: pytest.fail("compiled again"))
    second = kernel()
    assert second.launch is not first.launch
    assert torch.get_num_threads() >= 1
