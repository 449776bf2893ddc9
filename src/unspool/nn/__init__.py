"""Torch modules: any cell over time, and drop-ins for torch.nn's recurrent layers."""

from unspool.nn.gru import GRU
from unspool.nn.lstm import LSTM
from unspool.nn.recurrent import Recurrent
from unspool.nn.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN", "Recurrent"]
