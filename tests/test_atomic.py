"""Files and folders appear whole or not at all, and nothing of anybody else's is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unspool import atomic
from unspool.atomic import check_folder, new_folder, write_file
from unspool.errors import OutputError

OURS = frozenset({"a.txt", "b.txt", "model", "model/w.bin"})

LOOP = """
import sys
from unspool.atomic import new_folder, write_file
turn = 0
while True:
    turn += 1
    text = str(turn) * 20_000
    write_file(sys.argv[2], text)
    with new_folder(sys.argv[1], frozenset({"a.txt", "b.txt"})) as draft:
        (draft / "a.txt").write_text(text)
        (draft / "b.txt").write_text(text)
    print(turn, flush=True)
"""


def fill(path: Path, text: str) -> None:
    with new_folder(path, OURS) as draft:
        (draft / "a.txt").write_text(text)
        (draft / "model").mkdir()
        (draft / "model" / "w.bin").write_text(text)


def held(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_a_file_is_written_and_replaced(tmp_path: Path):
    write_file(tmp_path / "f.txt", "one")
    write_file(tmp_path / "f.txt", b"two")
    assert (tmp_path / "f.txt").read_text() == "two"
    assert held(tmp_path) == ["f.txt"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_modes_follow_the_umask(tmp_path: Path):
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "f.txt", "one")
        fill(tmp_path / "out", "one")
    finally:
        os.umask(before)
    assert (tmp_path / "f.txt").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("overwritten", [False, True])
def test_a_folder_is_written_and_replaced_as_a_whole(tmp_path: Path, overwritten: bool):
    if overwritten:
        with new_folder(tmp_path / "deep" / "out", OURS) as draft:
            (draft / "b.txt").write_text("old")
    fill(tmp_path / "deep" / "out", "new")
    assert held(tmp_path / "deep") == ["out", "out/a.txt", "out/model", "out/model/w.bin"]


def test_where_folders_cannot_be_exchanged_they_are_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(tmp_path / "out", "old")
    monkeypatch.setattr(atomic.sys, "platform", "elsewhere")
    fill(tmp_path / "out", "new")
    assert (tmp_path / "out" / "a.txt").read_text() == "new"
    assert held(tmp_path) == ["out", "out/a.txt", "out/model", "out/model/w.bin"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_the_old_folder_alone(tmp_path: Path, error: type[BaseException]):
    fill(tmp_path / "out", "old")

    def fail() -> None:
        with new_folder(tmp_path / "out", OURS) as draft:
            (draft / "a.txt").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    assert held(tmp_path) == ["out", "out/a.txt", "out/model", "out/model/w.bin"]


@pytest.mark.parametrize("name", ["notes.txt", "model/mine.py", ".git/config", "b.txt/inner"])
def test_a_folder_with_other_files_is_refused(tmp_path: Path, name: str):
    fill(tmp_path / "out", "old")
    (tmp_path / "out" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        check_folder(tmp_path / "out", OURS, overwrite=True)


@pytest.mark.parametrize("name", ["notes.txt", "model/mine.py", "data/raw/x.csv"])
def test_what_comes_into_the_folder_after_the_check_stays(tmp_path: Path, name: str):
    fill(tmp_path / "out", "old")
    check_folder(tmp_path / "out", OURS, overwrite=True)
    with new_folder(tmp_path / "out", OURS) as draft:
        (draft / "a.txt").write_text("new")
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text("mine")
    assert (tmp_path / "out" / "a.txt").read_text() == "new"
    assert (tmp_path / "out" / name).read_text() == "mine"


def test_an_earlier_folder_needs_overwrite(tmp_path: Path):
    fill(tmp_path / "out", "old")
    with pytest.raises(OutputError, match="exists") as caught:
        check_folder(tmp_path / "out", OURS, overwrite=False)
    assert "--overwrite" in (caught.value.hint or "")
    assert check_folder(tmp_path / "out", OURS, overwrite=True) == tmp_path / "out"


def test_an_empty_folder_and_a_new_one_will_do(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "a" / "b" / "new"):
        assert check_folder(path, OURS, overwrite=False) == path
    assert held(tmp_path) == ["empty"]


def test_a_file_or_a_link_is_no_folder(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link", "dangling"):
        with pytest.raises(OutputError, match="exists and is not a folder"):
            check_folder(tmp_path / name, OURS, overwrite=True)
    with pytest.raises(OutputError, match="no right to write in"):
        check_folder(tmp_path / "file" / "out", OURS, overwrite=True)
    with pytest.raises(OutputError), new_folder(tmp_path / "file" / "out", OURS):
        pass
    with pytest.raises(OutputError), new_folder(tmp_path / "file", OURS):
        pass
    with pytest.raises(OutputError):
        write_file(tmp_path / "file" / "f.txt", "")
    with pytest.raises(OutputError):
        write_file(tmp_path / "nowhere" / "f.txt", "")
    assert (tmp_path / "file").read_text() == "mine"
    assert held(tmp_path) == ["dangling", "file", "link"]


def test_a_parent_without_the_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match=f"no right to write in '{tmp_path}'"):
        check_folder(tmp_path / "out", OURS, overwrite=False)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_parent_that_really_cannot_be_written(tmp_path: Path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError):
            check_folder(tmp_path / "out", OURS, overwrite=False)
        with pytest.raises(OutputError):
            write_file(tmp_path / "f.txt", "")
    finally:
        tmp_path.chmod(0o700)


def test_killed_at_any_moment_the_old_or_the_new_is_there_whole(tmp_path: Path):
    folder, file = tmp_path / "out", tmp_path / "f.txt"
    turns = 0
    for trial in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", LOOP, str(folder), str(file)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.003 * trial)
        process.send_signal(signal.SIGKILL)
        turns += process.stdout.read().count("\n")
        process.stdout.close()
        process.wait()
        a, b, single = ((p.read_text()) for p in (folder / "a.txt", folder / "b.txt", file))
        assert a == b
        for text in (a, single):
            turn = text[: len(text) // 20_000]
            assert text == turn * 20_000
        assert held(folder) == ["a.txt", "b.txt"]
    assert turns > 0


def test_of_the_processes_of_torchrun_the_first_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    for rank in ("1", "0"):
        monkeypatch.setenv("RANK", rank)
        write_file(tmp_path / "file.txt", rank)
        with new_folder(tmp_path / "folder", OURS) as draft:
            (draft / "a.txt").write_text(rank)
        assert [p.exists() for p in (tmp_path / "file.txt", tmp_path / "folder")] == [rank == "0"] * 2
    assert (tmp_path / "folder" / "a.txt").read_text() == "0"
