"""`unspool text`: train, sample, score, as a person does."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Ran, files, run, run_apart

WORDS = "the cat sat on the mat, and the rat sat on the hat.\n"
SMALL = ("--hidden-size", "12", "--chunk", "16", "--batch-size", "4", "--steps", "60", "--validations", "2")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The folder in which `unspool text train` has run, into out/."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "words.txt").write_text(WORDS * 60)
    ran = run_apart(folder, "text", "train", "words.txt", "--out", "out", *SMALL)
    assert ran.code == 0, ran.err
    return folder, ran


def test_train_writes_its_folder_and_says_so(done: tuple[Path, Ran]):
    folder, ran = done
    assert set(files(folder / "out")) == {
        *("model", "model/model.json", "model/weights.safetensors", "report.html", "metrics.json")
    }
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert metrics["symbols"] == {"vocabulary": 15, "train": 2964, "valid": 156}
    assert f"{metrics['valid_nats_per_symbol']:.4f}" in ran.out
    assert "out/report.html" in ran.out


def test_the_same_command_gives_the_same_bytes(
    done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "words.txt").write_text(WORDS * 60)
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "text", "train", "words.txt", "--out", "out", *SMALL).code == 0
    assert files(tmp_path / "out") == files(done[0] / "out")


def test_sample_writes_the_prompt_and_goes_on(done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str]):
    model = done[0] / "out" / "model"
    words = ("text", "sample", model, "--prompt", "the c", "--length", 40)
    ran = run(capsys, *words)
    assert ran.code == 0
    assert ran.out.startswith("the c")
    assert len(ran.out.rstrip("\n")) in (44, 45)
    assert run(capsys, *words).out == ran.out
    assert run(capsys, *words, "--seed", 1).out != ran.out
    found = json.loads(run(capsys, *words, "--json").out)
    assert found["texts"][0].rstrip("\n") == ran.out.rstrip("\n")


def test_sample_several_and_with_a_stop(done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str]):
    model = done[0] / "out" / "model"
    ran = run(capsys, "text", "sample", model, "--count", 3, "--length", 30, "--stop", "\\n", "--top-k", 5)
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if line.startswith("──")] == [f"── {k} of 3" for k in (1, 2, 3)]


def test_continue_goes_on_where_it_ended(done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str], tmp_path: Path):
    model = done[0] / "out" / "model"
    words = ("text", "sample", model, "--json")
    state = ("--continue", "--state", tmp_path / "state.safetensors")
    whole = json.loads(run(capsys, *words, "--prompt", "the", "--length", 60).out)["texts"][0]
    first = json.loads(run(capsys, *words, "--prompt", "the", "--length", 25, *state).out)["texts"][0]
    second = json.loads(run(capsys, *words, "--length", 35, *state).out)["texts"][0]
    assert first + second == whole


def test_continue_keeps_its_state_in_the_model_folder(
    done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    out = tmp_path / "out"
    shutil.copytree(done[0] / "out", out)
    words = ("text", "sample", out / "model", "--length", 5, "--continue")
    assert run(capsys, *words).code == 0
    assert (out / "model" / "state.safetensors").is_file()
    assert run(capsys, *words).code == 0
    # A model trained anew in its place does not go on with the state of the old one.
    assert run(capsys, "text", "train", done[0] / "words.txt", "--out", out, "--overwrite", *SMALL).code == 0
    assert not (out / "model" / "state.safetensors").exists()


def test_a_prompt_from_standard_input_streams_and_ctrl_c_keeps_the_state(done: tuple[Path, Ran], tmp_path: Path):
    state = tmp_path / "state.safetensors"
    command = [sys.executable, "-c", "from unspool.cli import main; main()", "text", "sample", "out/model"]
    with subprocess.Popen(
        [*command, "--prompt", "-", "--length", "1000000000", "--continue", "--state", str(state)],
        cwd=done[0],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"the mat")
        process.stdin.close()
        # It would take a day to end: what can be read now is streamed.
        assert process.stdout.read(60).startswith(b"the mat")
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait() == 0
    assert state.is_file()


def test_score_is_exact_and_adds_up_by_line(done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str], tmp_path: Path):
    model = done[0] / "out" / "model"
    (tmp_path / "other.txt").write_text("the mat\nsat on")
    found = json.loads(run(capsys, "text", "score", model, tmp_path / "other.txt", "--json").out)
    assert [line["characters"] for line in found["lines"]] == [8, 6]
    bits = sum(line["bits"] for line in found["lines"])
    assert bits == pytest.approx(found["bits_per_character"] * 14, abs=1e-4)
    ran = run(capsys, "text", "score", model, tmp_path / "other.txt")
    assert f"bits per character   {found['bits_per_character']:.5g}" in ran.out


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", (), "error: the text is empty"),
        (b"aaaaaaaaaaaaaaaaaaaaaaaaaaaa", (), "error: the text is one symbol"),
        (b"abcdefgh", (), "error: the text is too short"),
        (b"abc\xff" * 99, (), "is not UTF-8: byte 0xff at offset 3"),
        (b"abcd" * 99, ("--level", "word"), "error: unknown level 'word'"),
        (b"abcd" * 99, ("--cell", "lstn"), "error: unknown cell 'lstn'"),
        (b"abcd" * 99, ("--hidden-size", "0"), "error: hidden_size is 0"),
        (b"abcd" * 99, ("--tied",), "error: a tied readout needs"),
        (b"abcd" * 99, ("--clip", "much"), "error: clip is 'much'"),
        (b"abcd" * 99, ("--learning-rate", "-1"), "error: learning_rate is -1"),
    ],
)
def test_bad_texts_and_options(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, options: tuple[str, ...], said: str
):
    (tmp_path / "text").write_bytes(content)
    ran = run(capsys, "text", "train", tmp_path / "text", "--out", tmp_path / "out", *SMALL, *options)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert said in ran.err
    assert len(ran.err.splitlines()) <= 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--prompt", "thé"), "the prompt has a character that the model has never seen: 'é' (U+00E9)"),
        (("--stop", "ß"), "the stop string has a character"),
        (("--temperature", "-1"), "temperature is -1"),
        (("--top-p", "0"), "top_p is 0"),
        (("--top-p", "1.1"), "top_p is 1.1"),
        (("--top-k", "0"), "top_k is 0"),
        (("--length", "-1"), "length is -1"),
        (("--beam", "3", "--top-k", "2"), "a beam search draws nothing"),
        (("--state", "x"), "--state is where --continue keeps its state"),
        (("--continue", "--count", "2"), "--continue goes on with one text"),
    ],
)
def test_bad_ways_to_sample(
    done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
):
    ran = run(capsys, "text", "sample", done[0] / "out" / "model", *options)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) <= 2


def test_bad_models_states_and_outputs(done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str], tmp_path: Path):
    folder = done[0]
    for words, said in [
        (("sample", tmp_path), "not a complete model"),
        (("sample", folder / "out"), "not a complete model"),
        (("score", tmp_path / "none", folder / "words.txt"), "no model folder"),
        (("score", folder / "out" / "model", tmp_path), "is a folder"),
        (("train", folder / "words.txt", "--out", folder / "out", *SMALL), "exists"),
        (("train", tmp_path / "none", "--out", tmp_path / "out"), "is no file"),
    ]:
        ran = run(capsys, "text", *words)
        assert ran.code == 2
        assert said in ran.err
    (tmp_path / "state").write_bytes(b"rubbish")
    ran = run(capsys, "text", "sample", folder / "out" / "model", "--continue", "--state", tmp_path / "state")
    assert (ran.code, ran.out) == (2, "")
    assert "is damaged" in ran.err
