"""What a recurrent network reads and gives: one to one … many to many, its output fed back, encoder and decoder."""

from unspool.nn.setups.aligned import ManyToMany
from unspool.nn.setups.attention import Attention
from unspool.nn.setups.catalogue import SETUPS, small_setup
from unspool.nn.setups.diagram import Diagram, Drawable
from unspool.nn.setups.dilated import Dilated
from unspool.nn.setups.encoder_decoder import EncoderDecoder
from unspool.nn.setups.fed_back import FedBack, FedState
from unspool.nn.setups.forcing import drawn, exponential_decay, inverse_sigmoid_decay, linear_decay
from unspool.nn.setups.many_to_one import ManyToOne
from unspool.nn.setups.one_to_many import OneToMany
from unspool.nn.setups.one_to_one import OneToOne
from unspool.nn.setups.pooling import Pool, Pooling
from unspool.nn.setups.sampled import can_sample, sampled

__all__ = [
    "SETUPS",
    "Attention",
    "Diagram",
    "Dilated",
    "Drawable",
    "EncoderDecoder",
    "FedBack",
    "FedState",
    "ManyToMany",
    "ManyToOne",
    "OneToMany",
    "OneToOne",
    "Pool",
    "Pooling",
    "can_sample",
    "drawn",
    "exponential_decay",
    "inverse_sigmoid_decay",
    "linear_decay",
    "sampled",
    "small_setup",
]
