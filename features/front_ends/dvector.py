"""D-vector: the speaker encoder that comes with Resemblyzer 0.1.4, 256 values for each 1.6 s, every 0.8 s.

It learned to tell speakers apart (Wan et al., "Generalized end-to-end loss for speaker verification", 2018).
"""

from features.front_ends.encoder import Encoder


class DVector(Encoder):
    """`python -m pipeline.encoder dvector` makes its file."""
