"""Architectures: a dictionary of them all, each `(batch, values, frames) → (batch, groups)` logits."""

from models.architectures.bigru import BiGRU
from models.architectures.cepstral import Cepstral
from models.architectures.cnn import CNN
from models.architectures.conformer import Conformer
from models.architectures.crnn import CRNN
from models.architectures.ecapa import ECAPA
from models.architectures.layers import Layers
from models.architectures.linear import Linear
from models.architectures.mlp import MLP
from models.architectures.resnet import ResNet
from models.architectures.rnn import RNN
from models.architectures.tcn import TCN

ARCHITECTURES = {
    "cnn": CNN,
    "rnn": RNN,
    "bigru": BiGRU,
    "tcn": TCN,
    "crnn": CRNN,
    "ecapa": ECAPA,
    "resnet": ResNet,
    "conformer": Conformer,
    "cepstral": Cepstral,
    "linear": Linear,
    "layers": Layers,
    "mlp": MLP,
}
