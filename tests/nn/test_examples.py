"""The examples in the docstrings run and print what they say."""

import doctest
import importlib

import pytest
import torch

import unspool.nn


@pytest.mark.parametrize("name", ["recurrent", "rnn", "lstm", "gru"])
def test_the_examples(name: str):
    module = importlib.import_module(f"unspool.nn.{name}")
    names = {n: getattr(unspool.nn, n) for n in unspool.nn.__all__}
    failed, tried = doctest.testmod(module, extraglobs={"torch": torch, **names})
    assert tried
    assert not failed
