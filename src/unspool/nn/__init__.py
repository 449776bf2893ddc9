"""Torch modules: any cell over time, and drop-ins for torch.nn's recurrent layers."""


from unspool.nn.recurrent import Recurrent

__all__ = ["Recurrent"]
