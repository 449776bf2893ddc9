"""Fitting: members, their parts, temperature, class weights, Ctrl-C."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.classify.samples import easy
from unspool.classify.choice import choose
from unspool.classify.fitting import Recipe, best_temperature, class_weights, fit_model, logits_of
from unspool.classify.options import Options, candidates
from unspool.classify.sequences import Sequences, check_values
from unspool.errors import DataError
from unspool.train import Epoch, Fitted

SMALL = Options(pool="mean", hidden_size=8, members=2, steps=40, batch_size=8, learning_rate=0.02)


def recipe(sequences: Sequences, **changes: object) -> Recipe:
    (found,) = candidates(replace(SMALL, **changes), sequences).values()  # pyright: ignore[reportArgumentType]
    return found


class Interrupt:
    """Presses Ctrl-C after so many steps in all."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_start(self, title: str, steps: int) -> None: ...

    def on_step(self, step: int, loss: float) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    def on_epoch(self, module: torch.nn.Module, epoch: Epoch) -> None: ...

    def on_end(self, fitted: Fitted) -> None: ...


def accuracy(sequences: Sequences, probabilities: np.ndarray, classes: tuple[str, ...]) -> float:
    named = [classes[k] for k in probabilities.argmax(1)]
    return float(np.mean([a == b for a, b in zip(named, sequences.labels or (), strict=True)]))


def test_it_learns_and_its_probabilities_sum_to_1():
    train, test = easy(8), easy(8, seed=1)
    model = fit_model(train, recipe(train))
    probabilities = model.probabilities(test)
    assert (len(model.members), model.classes) == (2, ("flat", "rising", "wave"))
    assert accuracy(test, probabilities, model.classes) > 0.9
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-12)


def test_the_mean_of_its_members():
    train = easy(6)
    model = fit_model(train, recipe(train, steps=5))
    each = [replace(model, members=(member,)).probabilities(train) for member in model.members]
    assert np.abs(each[0] - each[1]).max() > 1e-3
    np.testing.assert_allclose(model.probabilities(train), np.mean(each, axis=0), atol=1e-12)


def test_the_same_seed_the_same_model_and_the_global_generator_untouched():
    train = easy(6)
    state = torch.get_rng_state()
    first, again = (fit_model(train, recipe(train, steps=5)).probabilities(train) for _ in range(2))
    other = fit_model(train, recipe(train, steps=5, seed=1)).probabilities(train)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert torch.equal(state, torch.get_rng_state())


def test_every_sequence_is_checked_once_with_five_members():
    train = easy(6)
    model = fit_model(train, recipe(train, steps=2, members=5))
    assert model.validation["sequences"] == len(train.ids)


def test_nothing_is_learned_of_the_part_that_a_member_stops_on():
    """Labels by chance: what is learned by heart is known, what is not is guessed."""
    draw = np.random.default_rng(0)
    values = tuple(draw.normal(size=(5, 8)) for _ in range(60))
    labels = tuple("ab"[k] for k in draw.permutation(np.arange(60) % 2))
    data = Sequences(tuple(map(str, range(60))), values, labels, tuple("abcdefgh"))
    model = fit_model(data, recipe(data, members=5, noise=0.0, dropout=0.0, steps=60))
    assert model.validation["accuracy"] < 0.75


def test_logits_are_divided_by_the_temperature():
    train = easy(4)
    model = fit_model(train, recipe(train, steps=3, members=1))
    logits = logits_of(model.members[0], [model.scaling(v) for v in train.values])
    wanted = torch.softmax(logits / 3, -1).numpy()
    np.testing.assert_allclose(replace(model, temperature=3.0).probabilities(train), wanted, atol=1e-12)


def test_missing_values_are_read_as_such():
    """Whether a value is there tells the classes apart, and nothing else does."""
    draw = np.random.default_rng(0)

    def make(k: int) -> np.ndarray:
        values = draw.normal(size=(12, 1))
        values[draw.permutation(12)[: 8 * (k % 2) + 1]] = np.nan
        return values

    values = tuple(make(k) for k in range(80))
    whole = Sequences(tuple(map(str, range(80))), values, tuple("ab"[k % 2] for k in range(80)), ("x",))
    train, test = whole.take(range(60)), whole.take(range(60, 80))
    model = fit_model(train, recipe(train, noise=0.0))
    assert model.recipe.model.features == 2
    assert accuracy(test, model.probabilities(test), model.classes) > 0.9


def test_class_weights():
    weights = class_weights(np.array([0, 0, 0, 1]), 3)
    torch.testing.assert_close(weights, torch.tensor([4 / 9, 4 / 3, 4 / 3]))


def test_balanced_classes_raise_the_recall_of_the_rare_one():
    """Two classes that overlap, ten to one: only weights make the rare one be named."""
    draw = np.random.default_rng(0)
    labels = tuple("ab"[k % 11 == 0] for k in range(220))
    values = tuple(draw.normal(1.0 * (label == "b"), 1, (6, 1)) * [[0.5]] for label in labels)
    data = Sequences(tuple(map(str, range(220))), values, labels, ("x",))
    named = {}
    for weight in (None, "balanced"):
        probabilities = fit_model(data, recipe(data, class_weight=weight, members=1)).probabilities(data)
        named[weight] = int(probabilities.argmax(1).sum())
    assert named["balanced"] > named[None] + 40, named


def test_the_temperature_that_was_put_in_is_found():
    draw = np.random.default_rng(0)
    logits = torch.from_numpy(draw.normal(0, 2, (20_000, 3)))
    truth = torch.from_numpy((logits.numpy() + draw.gumbel(size=logits.shape)).argmax(1))
    assert best_temperature(3 * logits, truth) == pytest.approx(3, rel=0.03)
    assert best_temperature(0.5 * logits, truth) == pytest.approx(0.5, rel=0.03)


def test_a_few_sequences_that_are_all_right_prove_little():
    assert best_temperature(torch.eye(3, dtype=torch.float64) * 4, torch.arange(3)) > 0.6


def test_ctrl_c_keeps_the_members_that_are_there():
    train = easy(6)
    model = fit_model(train, recipe(train, steps=20, members=3), [Interrupt(30)])
    assert model.interrupted
    assert 1 <= len(model.members) < 3
    assert len(model.probabilities(train)) == len(train.ids)


def test_the_better_recipe_is_chosen():
    train = easy(6)
    blind = recipe(train, steps=1)
    model, choice = choose(train, {"blind": blind, "trained": recipe(train)})
    assert choice.chosen == "trained"
    assert choice.tried.keys() == {"blind", "trained"}
    assert model.validation["loss"] == choice.tried["trained"] < choice.tried["blind"]


def test_ctrl_c_in_the_second_recipe_keeps_the_first():
    train = easy(6)
    one = recipe(train, steps=10, members=1)
    model, choice = choose(train, {"first": one, "second": one}, [Interrupt(12)])
    assert (choice.chosen, choice.interrupted, model.interrupted) == ("first", True, False)


def test_extreme_values_are_a_clear_error():
    train = easy(4)
    for value in (1e300, -1e31):
        huge = replace(train, values=(*train.values[:-1], np.full((3, 2), value)))
        with pytest.raises(DataError, match="sequence 's11' has the value"):
            check_values(huge)
    check_values(replace(train, values=(*train.values[:-1], np.full((3, 2), 1e29))))
