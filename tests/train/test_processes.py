"""Several processes train as one does with the whole batch; precision and devices are what they say."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from tests.train import apart, samples
from unspool.errors import DataError, SettingError
from unspool.train import TrainSettings, fit, make_fabric
from unspool.train.processes import local_batch


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What one process leaves, and what two do."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    apart.main(one)
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "tests.train.apart")
    done = subprocess.run(
        [sys.executable, *launch, str(two)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return one, two


@pytest.mark.parametrize("name", ["uneven", "stream"])
def test_two_processes_end_with_the_weights_of_one(name: str, both: tuple[Path, Path]):
    """Batches of five rows; and a stream that was broken off and resumed, two chunks per step."""
    one, two = both
    expected = load_file(one / f"{name}-0.safetensors")
    first, second = (load_file(two / f"{name}-{rank}.safetensors") for rank in (0, 1))
    for key, weight in expected.items():
        assert torch.equal(first[key], second[key])
        torch.testing.assert_close(first[key], weight, rtol=1e-4, atol=1e-5)


def test_the_losses_are_those_of_the_whole_batch(both: tuple[Path, Path]):
    logs = [[json.loads(line) for line in (p / "uneven.jsonl").read_text().splitlines()] for p in both]
    assert len(logs[0]) == len(logs[1]) == 12 + 4 + 1  # one process writes
    for a, b in zip(*logs, strict=True):
        assert a["kind"] == b["kind"]
        for name in {"loss", "gradient_norm", "train_loss", "valid_loss"} & a.keys():
            assert a[name] == pytest.approx(b[name], rel=1e-4)


def test_a_checkpoint_holds_every_process(both: tuple[Path, Path]):
    newest = max((both[1] / "checkpoint").glob("generation-*"))
    assert {p.name for p in newest.iterdir()} == {
        "run.json", "run.safetensors", "process-0.safetensors", "process-1.safetensors", "SHA256SUMS"
    }  # fmt: skip
    with pytest.raises(SettingError, match="processes was 2 and is 1"):
        apart.fit(
            samples.network(dropout=0.0), apart.Stream(samples.waves(5, 40), 6), apart.carried(99), samples.judge,
            apart.replace(apart.SETTINGS, accumulate=2), checkpoint=apart.Checkpoint(both[1] / "checkpoint", 3),
        )  # fmt: skip


def test_a_fault_in_one_process_ends_all_alike(both: tuple[Path, Path]):
    """The row that is NaN is the second process's."""
    ends = [json.loads((both[1] / f"spoiled-{rank}.json").read_text()) for rank in (0, 1)]
    assert ends[0] == ends[1]
    assert ends[0][:2] == json.loads((both[0] / "spoiled-0.json").read_text())[:2]
    assert ends[0][0] == "no finite loss"
    assert "step 9: the loss is nan: the batch itself holds NaN" in ends[0][2]


def test_a_batch_with_too_few_rows_is_refused():
    class Two:
        world_size, global_rank, device = 2, 1, torch.device("cpu")

    two: Any = Two()
    rows, share = local_batch(two, {"x": torch.arange(5), "scale": torch.ones(2), "n": 3})
    assert rows["x"].tolist() == [2, 3, 4]
    assert rows["scale"].tolist() == [1, 1]
    assert (rows["n"], share) == (3, 3 * 2 / 5)
    with pytest.raises(DataError, match="a batch has 1 rows for 2 processes"):
        local_batch(two, (torch.zeros(1, 4),))


class Seen(samples.Network):
    """Writes down the dtypes on the way through it."""

    def __init__(self) -> None:
        super().__init__(hidden_size=8, dropout=0.0)
        self.dtypes: list[torch.dtype] = []

    def forward(self, x: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        output, states = self.recurrent(x, states)
        prediction = self.head(output)
        if self.training:
            self.dtypes = [x.dtype, output.dtype, prediction.dtype, self.head.weight.dtype]
        return prediction, states


@pytest.mark.parametrize(("precision", "low"), [("bf16", torch.bfloat16), ("16", torch.float16)])
def test_mixed_precision_learns_and_recurrences_stay_in_float32(precision: Any, low: torch.dtype):
    torch.manual_seed(0)
    module, batches = Seen(), (samples.waves(4, 20) for _ in range(100))
    settings = TrainSettings(steps=100, learning_rate=0.02, validations=2, clip="observed")
    fitted = fit(module, batches, samples.plain_loss, samples.judge, settings, fabric=make_fabric(precision=precision))
    assert module.dtypes == [torch.float32, torch.float32, low, torch.float32]
    assert fitted.best_loss < 0.1  # of an average square of 1/2


def test_a_float16_loss_that_overflows_is_scaled_down_and_no_fault():
    def loss(module: nn.Module, batch: Tensor) -> Tensor:
        return 300 * (module(batch) - 3).square().mean()  # times the first scale of 65536, beyond float16

    torch.manual_seed(0)
    fabric, ones = make_fabric(precision="16"), torch.ones(4, 1)
    settings = TrainSettings(steps=60, learning_rate=0.1, validations=2, clip=1e9)
    fitted = fit(
        nn.Linear(1, 1), (ones for _ in range(60)), loss, lambda m: float(loss(m, ones)), settings, fabric=fabric
    )
    assert fitted.stopped == "finished"
    assert fitted.best_loss < 10
    assert fabric.strategy.precision.scaler.get_scale() < 65536  # pyright: ignore[reportAttributeAccessIssue]


def test_float64():
    module = samples.network(dropout=0.0)
    batches = (samples.waves(4, 20).double() for _ in range(2))
    fit(module, batches, samples.plain_loss, lambda m: 0.0, TrainSettings(steps=2), fabric=make_fabric(precision="64"))
    assert next(module.parameters()).dtype == torch.float64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "8"}, "unknown precision '8'"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        *([] if torch.cuda.is_available() else [({"device": "cuda"}, "there is no CUDA device")]),
    ],
)
def test_unknown_places_are_named(options: dict[str, Any], message: str):
    with pytest.raises(SettingError, match=message):
        make_fabric(**options)
