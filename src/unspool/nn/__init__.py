"""Torch modules: any cell over time, drop-ins for torch.nn's recurrent layers, and a torch module that is one step."""

from unspool.nn.from_torch import FromTorch, from_torch
from unspool.nn.gru import GRU
from unspool.nn.initialisation import init_chrono, init_forget_bias, init_identity, init_orthogonal
from unspool.nn.lstm import LSTM
from unspool.nn.recurrent import Recurrent
from unspool.nn.rnn import RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "FromTorch",
    "Recurrent",
    "from_torch",
    "init_chrono",
    "init_forget_bias",
    "init_identity",
    "init_orthogonal",
]
