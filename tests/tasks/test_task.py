"""Every task: the same seed gives the same batch, no two parts or numbers do, shapes are as it says."""

from dataclasses import fields

import pytest
import torch

from unspool.errors import SettingError
from unspool.tasks import TASKS, Batch, Task, find_task
from unspool.tasks.batch import PARTS, stream
from unspool.tasks.catalogue import FROM_DATA, OF_A_LENGTH

MADE = [name for name in TASKS if name not in FROM_DATA]
LENGTHS = {"adding": 20, "multiplication": 20, "temporal-order": 20, "temporal-order-3": 20, "temporal-order-2013": 20}


def small(name: str) -> Task:
    return find_task(name, length=LENGTHS.get(name, 12)) if name in OF_A_LENGTH else find_task(name)


def equal(a: Batch, b: Batch) -> bool:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Batch)]
    return all(p is q is None or (p is not None and q is not None and torch.equal(p, q)) for p, q in pairs)


@pytest.mark.parametrize("name", MADE)
def test_a_seed_is_a_draw(name: str):
    task = small(name)
    batch = task.draw(6, seed=3, number=2)
    assert equal(batch, small(name).draw(6, seed=3, number=2))
    others = [task.draw(6, seed=4, number=2), task.draw(6, seed=3, number=3)]
    others += [task.draw(6, seed=3, number=2, part=part) for part in PARTS[1:]]
    if name == "long-lag-2a":  # two sequences in all: six of either kind may come out alike
        others = [task.draw(60, seed=4)]
        batch = task.draw(60, seed=3)
    assert not any(equal(batch, other) for other in others)


@pytest.mark.parametrize("name", MADE)
def test_shapes_and_a_network_without_knowledge(name: str):
    task = small(name)
    batch = task.draw(6)
    assert batch.x.dtype == torch.float32
    assert batch.x.shape[0] == 6
    assert batch.x.shape[2] == task.input_size
    steps = batch.x.shape[:2] if task.asks == "every" else (6,)
    output = torch.randn(*steps, task.output_size)
    assert task.measure.loss(output, batch).shape == ()
    assert task.measure.errors(output, batch).shape == (6,)
    assert task.measure.right(output, batch).dtype == torch.bool
    assert (task.baseline or 0) > 0 or name == "fitzhugh-nagumo"  # known for its usual length alone


def test_streams_of_random_numbers_are_never_shared():
    seeds = {stream(seed, part, number) for seed in range(20) for part in PARTS for number in range(50)}
    assert len(seeds) == 20 * 3 * 50


@pytest.mark.parametrize(("sequences", "seed", "number"), [(0, 0, 0), (2, -1, 0), (2, 0, -1)])
def test_a_draw_is_checked(sequences: int, seed: int, number: int):
    with pytest.raises(SettingError, match="parity"):
        find_task("parity").draw(sequences, seed=seed, number=number)


def test_names():
    assert find_task("Copy_Memory").name == "copy-memory"
    with pytest.raises(SettingError, match="no task 'reeber'") as caught:
        find_task("reeber")
    assert caught.value.hint == "did you mean reber?"
    with pytest.raises(SettingError, match="takes no length"):
        find_task("digits", length=3)
    with pytest.raises(SettingError, match="past its end"):
        find_task("digits").draw(300, part="test", number=1)
