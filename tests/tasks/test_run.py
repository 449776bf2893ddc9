"""Running a task: what counts as solved, what is kept, and that a real training gets there."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from unspool.errors import SettingError
from unspool.tasks import Bar, Criterion, Task, TaskSettings, find_task, run_task
from unspool.tasks.network import TaskNetwork
from unspool.tasks.record import outcome_to_json, verdict
from unspool.tasks.scoring import score
from unspool.train import Epoch, Fitted

QUICK = TaskSettings(hidden_size=8, batch_size=16, sequences=64, check_every=32)


class Watch:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.steps, self.epochs, self.ends = list[int](), list[Epoch](), list[Fitted]()

    def on_start(self, title: str, steps: int) -> None:
        self.title, self.total = title, steps

    def on_step(self, step: int, loss: float) -> None:
        self.steps.append(step)

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def on_end(self, fitted: Fitted) -> None:
        self.ends.append(fitted)


def with_criterion(name: str, **criterion: object) -> Task:
    task = find_task(name, length=20)
    return replace(task, criterion=replace(Criterion("made up"), **criterion))  # pyright: ignore[reportArgumentType]


def test_reber_is_learned_within_the_papers_number_of_sequences():
    outcome = run_task(find_task("reber"), seed=1000)
    assert outcome.solved
    assert outcome.stopped == "criterion"
    assert outcome.sequences < 8440
    assert (outcome.test.error, outcome.test.wrong, outcome.test.sequences) == (0, 0, 512)
    assert verdict(outcome).startswith(f"solved after {outcome.sequences:,} sequences")


def test_a_run_out_of_sequences_is_not_solved_and_the_same_seed_repeats_it():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    task, watch = find_task("adding"), Watch()
    first = run_task(task, QUICK, seed=3, callbacks=[watch])
    assert torch.equal(torch.rand(1), expected)  # the caller's random state
    again, other = run_task(task, QUICK, seed=3), run_task(task, QUICK, seed=4)
    assert (first.solved, first.stopped, first.sequences, first.updates) == (False, "finished", 64, 4)
    assert first.test == again.test
    assert first.test != other.test
    assert first.test.sequences == 2560
    assert (watch.total, watch.steps) == (4, [1, 2, 3, 4])
    assert len(watch.ends) == 1
    assert "not solved after 64 sequences" in verdict(first)
    assert outcome_to_json(first)["settings"]["hidden_size"] == 8


@pytest.mark.parametrize(
    ("recent", "updates"),
    [
        (Bar(40), 3),  # 16 sequences each: 40 have been seen after three
        (Bar(40, error=-1.0), 4),
        (Bar(40, wrong=-1), 4),
    ],
)
def test_the_most_recent_training_sequences_end_a_run(recent: Bar, updates: int):
    watch = Watch()
    outcome = run_task(with_criterion("adding", recent=recent, test=30), QUICK, callbacks=[watch])
    assert len(watch.ends[0].epochs) == watch.ends[0].best == 1
    assert watch.ends[0].epochs[0].train_loss > 0
    assert (outcome.updates, outcome.solved) == (updates, updates == 3)
    assert outcome.test.sequences == 30


def test_validation_ends_a_run_and_the_test_decides():
    passed = run_task(with_criterion("adding-modern", held=Bar(30)), QUICK)
    assert (passed.solved, passed.updates, passed.kept_at) == (True, 2, 32)
    failed = run_task(with_criterion("adding-modern", held=Bar(30, error=1e-9)), QUICK)
    assert (failed.solved, failed.updates, failed.stopped) == (False, 4, "finished")


def test_a_validation_waits_for_the_training_sequences():
    """No validation while the most recent training sequences are wrong: those of 10,000 sequences are not cheap."""
    watch = Watch()
    run_task(
        with_criterion("adding-modern", recent=Bar(16, wrong=-1), held=Bar(30)), QUICK, callbacks=[watch]
    )  # fmt: skip
    assert not watch.epochs


def test_the_best_weights_on_validation_are_kept_and_patience_ends():
    task = with_criterion("adding-modern", held=Bar(200, error=0.0), ends=False)
    watch = Watch()
    settings = replace(QUICK, learning_rate=3.0, sequences=1600, check_every=16, patience=3)
    outcome = run_task(task, settings, callbacks=[watch])
    errors = [epoch.valid_loss for epoch in watch.epochs]
    best = min(range(len(errors)), key=errors.__getitem__)
    assert outcome.kept_at == 16 * (best + 1)
    assert outcome.stopped == "early stopping"
    assert len(errors) == best + 4
    assert outcome.test.error == pytest.approx(errors[best], rel=0.4)
    assert not outcome.solved


def test_a_loss_that_is_not_finite_ends_a_run():
    outcome = run_task(find_task("adding-modern", length=10), replace(QUICK, cell="elman_relu", learning_rate=1e30))
    assert outcome.stopped == "no finite loss"
    assert not outcome.solved
    assert outcome_to_json(outcome)["error"] is None or math.isfinite(outcome.test.error)


def test_scores_are_means_over_sequences_whatever_the_chunk():
    task = find_task("adding", length=20)
    network = TaskNetwork(task, QUICK)
    whole = task.draw(500, part="test")
    with torch.no_grad():
        output = network(whole)
    expected = float((output - whole.y).abs().mean())
    found = score(network, task, 0, "test", 500)
    assert found.error == pytest.approx(expected, rel=1e-5)
    assert found.wrong == int(((output - whole.y).abs() >= 0.04).sum())
    stopped_early = score(network, replace(task, chunk=100), 0, "test", 500, wrong=3)
    assert stopped_early.sequences == 100


def test_the_answer_is_read_after_a_sequences_own_last_step():
    task = find_task("parity", length=9)
    network = TaskNetwork(task, QUICK).eval()
    batch = task.draw(5)
    assert batch.lengths is not None
    with torch.no_grad():
        together = network(batch)
        for row, n in enumerate(batch.lengths.tolist()):
            alone = network(replace(batch, x=batch.x[row : row + 1, :n], lengths=None))
            torch.testing.assert_close(together[row], alone[0], atol=1e-6, rtol=1e-5)


def test_a_start_is_taken_where_the_cell_has_it():
    task = find_task("adding")
    torch.manual_seed(0)
    plain = TaskNetwork(task, QUICK).recurrence
    torch.manual_seed(0)
    chrono = TaskNetwork(task, replace(QUICK, start="chrono")).recurrence
    of_plain, of_chrono = (layer.get_parameter("b_l0").detach().chunk(4)[1] for layer in (plain, chrono))
    assert float(of_plain.max()) < 1 < float(of_chrono.max())
    TaskNetwork(task, replace(QUICK, cell="elman", start="chrono"))  # has no gate, and keeps its plain start


def test_a_network_too_large_for_memory_is_refused():
    with pytest.raises(SettingError, match="not enough memory"):
        run_task(find_task("parity"), replace(QUICK, hidden_size=10**8))


@pytest.mark.parametrize("wrong", [{"hidden_size": 0}, {"batch_size": 0}, {"sequences": 0}, {"learning_rate": 0.0}])
def test_settings_that_train_nothing(wrong: dict[str, float]):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        run_task(find_task("parity"), replace(QUICK, **wrong))  # pyright: ignore[reportArgumentType]


def test_an_interrupted_run_is_tested_with_what_it_has():
    class Stop(Watch):
        def on_step(self, step: int, loss: float) -> None:
            super().on_step(step, loss)
            if step == 2:
                raise KeyboardInterrupt

    watch = Stop()
    outcome = run_task(find_task("adding-modern", length=10), QUICK, callbacks=[watch])
    assert (outcome.stopped, outcome.updates, outcome.solved) == ("interrupted", 2, False)
    assert "interrupted" in verdict(outcome)
    assert len(watch.ends) == 1
