"""`seq2seq`: an encoder reads the window, a decoder runs through the horizon and looks back at every step of it.

    m_s = encoder over E x(t−L+1) … E x(t)
    v_k = position k + the series + the calendar of t+k, and what is known ahead
    h_k = decoder over v_1 … v_H, from the encoder's last state
    c_k = Σ_s a_ks m_s,  a_k = softmax_s(h_kᵀ A m_s)
    forecast(t+k) = V · [tanh(C [c_k, h_k]), m_t]

Sutskever et al. 2014, arXiv:1409.3215; attention of Luong et al. 2015, arXiv:1508.04025 ("general"). The decoder is
driven by positions and calendars, not by its own output, so training and forecasting are one and the same, no error is
fed back, and all steps of the horizon are one compiled call.
"""

from typing import final

import torch
from torch import Tensor, nn

from unspool.forecast.networks.reading import Plan, Reading
from unspool.forecast.networks.recurrence import recurrence
from unspool.nn.setups import Attention, Diagram


@final
class Seq2Seq(nn.Module):
    """[B, L] → [B, H, outputs]. Cost: L + H recurrent steps, and L · H numbers per row for the attention."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        # Both read H numbers, for some cells keep a state of their input's size.
        self.embed = nn.Linear(2 + plan.features + plan.past_only, plan.hidden_size)
        self.layer = recurrence(plan, plan.hidden_size)
        self.decoder = recurrence(plan, plan.hidden_size)
        self.identity_size = plan.hidden_size
        self.position = nn.Parameter(0.5 * torch.randn(plan.horizon, plan.hidden_size))
        self.calendar = nn.Linear(plan.features, plan.hidden_size, bias=False) if plan.features else None
        size = self.layer.output_size
        self.attention = Attention(size, size)
        self.dropout = nn.Dropout(plan.dropout)
        self.readout = nn.Linear(2 * size, plan.outputs)
        self.ahead = nn.Linear(plan.features, plan.outputs, bias=False) if plan.features else None

    def forward(self, reading: Reading) -> Tensor:
        """Features per step of the horizon."""
        x = torch.cat([reading.past[..., None], reading.mask[..., None], *reading.beside_past()], -1)
        memory, state = self.layer(self.embed(x))
        v = self.position + reading.identity[:, None]
        if self.calendar is not None:
            v = v + self.calendar(reading.calendar_future)
        steps, _ = self.decoder(v, state)
        looked = self.attention(steps, memory)
        newest = memory[:, -1:].expand_as(looked)
        forecast = self.readout(self.dropout(torch.cat([looked, newest], -1)))
        return forecast if self.ahead is None else forecast + self.ahead(reading.calendar_future)

    def diagram(self) -> Diagram:
        """How it is drawn."""
        encoder = Diagram("a window in", self.layer, gives="none", steps=3)
        return Diagram("a window in, the horizon step by step", self.decoder, steps=3, encoder=encoder, attends=True)
