"""The examples in the docstrings run and print what they say; so do the blocks of the page on text."""

import doctest
import importlib
import re
from pathlib import Path

import pytest
import torch

PAGE = Path(__file__).parents[2] / "docs" / "text.md"


@pytest.mark.parametrize("name", ["model", "network"])
def test_the_examples(name: str):
    module = importlib.import_module(f"unspool.text.{name}")
    failed, tried = doctest.testmod(module, extraglobs={"torch": torch})
    assert tried
    assert not failed


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input.txt").write_text("the cat sat on the mat.\n" * 60)
    # As on the page, but for the size of the work.
    code = "\n".join(blocks).replace("TextModel(", "TextModel(steps=10, validations=1, ")
    exec(compile(code, str(PAGE), "exec"), {})
    assert (tmp_path / "model" / "model.json").is_file()
