"""Front-ends: the dictionary of all, each samples (n,) float32, mono → (frames, values), a frame every `hop` s."""

from features.front_ends.dvector import DVector
from features.front_ends.encoder import Encoder
from features.front_ends.logmel import LogMel

FRONT_ENDS = {
    "logmel": LogMel,
    "dvector": DVector,
    "encoder": Encoder,
}
