"""Speech: the layers of a speech model, each pooled over windows, as one module.

The models are torchaudio's wav2vec 2.0 (Baevski et al. 2020, arXiv:2006.11477), HuBERT (Hsu et al. 2021,
arXiv:2106.07447) and WavLM (Chen et al. 2022, arXiv:2110.13900), with weights as torchaudio publishes them.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torchaudio.models import (
    Wav2Vec2Model,
    hubert_base,
    hubert_large,
    wav2vec2_base,
    wav2vec2_large,
    wav2vec2_large_lv60k,
    wavlm_base,
    wavlm_large,
)

from models.encoders.windows import missing_from, window_starts

STEP = 0.02  # s, from one frame of these models to the next
SHORTEST = 400  # samples that give a frame
FLOOR = 1e-5  # of the variance of a clip, as in torch's layer_norm

MODELS = {  # by kind and size
    "wav2vec2": {"base": wav2vec2_base, "large": wav2vec2_large, "large-lv60k": wav2vec2_large_lv60k},
    "hubert": {"base": hubert_base, "large": hubert_large},
    "wavlm": {"base": wavlm_base, "large": wavlm_large},
}
POOLS = ("mean", "mean+deviation")


class Speech(nn.Module):
    """Samples at 16 kHz to the chosen layers' means, and deviations if asked for, over each window.

    Shape: (1, samples) float32 → (windows, layers × values) float32, or twice as many values. `window` and `hop` are
    in frames of the model. A clip shorter than a window is one window, as long as it is.
    """

    def __init__(self, model: Wav2Vec2Model, layers: Sequence[int], window: int, hop: int, deviation: bool):
        super().__init__()
        count = len(model.encoder.transformer.layers)
        for layer in layers:
            if not 1 <= layer <= count:
                raise ValueError(f"there is no layer {layer}: allowed are 1 to {count}")
        if not 1 <= hop <= window:
            raise ValueError(f"hop and window are {hop} and {window} frames: allowed is 1 <= hop <= window")
        self.model, self.layers, self.window, self.hop, self.deviation = model, layers, window, hop, deviation
        self.levelled = model.feature_extractor.conv_layers[1].layer_norm is not None
        parametrize.remove_parametrizations(model.encoder.transformer.pos_conv_embed.conv, "weight")

    def forward(self, samples: Tensor) -> Tensor:
        samples = level(samples) if self.levelled else samples
        padded = functional.pad(samples, (0, missing_from(samples, SHORTEST)))
        outputs, _ = self.model.extract_features(padded, num_layers=max(self.layers))
        windows = windows_in(outputs[0].shape[1], self.window, self.hop)
        return torch.cat([self.pool(outputs[layer - 1][0][windows]) for layer in self.layers], dim=1)

    def pool(self, frames: Tensor) -> Tensor:
        """Shape: (windows, window, values) → (windows, values or twice as many)."""
        mean = frames.mean(dim=1)
        if not self.deviation:
            return mean
        variance = (frames - mean[:, None]).square().mean(dim=1)
        return torch.cat([mean, variance.sqrt()], dim=1)


def level(samples: Tensor) -> Tensor:
    """As the large models were trained on it: mean 0 and variance 1 over the clip. Shape: (1, samples)."""
    centred = samples - samples.mean()
    return centred / (centred.square().mean() + FLOOR).sqrt()


def windows_in(frames: int, window: int, hop: int) -> Tensor:
    """The frames of each window. Shape: (windows, window, or all frames where there are fewer)."""
    width = torch.scalar_tensor(frames, dtype=torch.int64).clamp(max=window)
    return window_starts(frames, width, hop)[:, None] + torch.arange(width)


def load_speech(kind: str, size: str, weights: Mapping[str, Tensor]) -> Wav2Vec2Model:
    """A model with these weights; a layer for speech recognition on top of it is left out.

    Raises ValueError, in one line, for the weights of another model.
    """
    model = MODELS[kind][size]().eval()
    try:
        model.load_state_dict({name: each for name, each in weights.items() if not name.startswith("aux.")})
    except (RuntimeError, AttributeError) as error:
        raise ValueError(f"they are not those of {kind} {size}: {' '.join(str(error).split())[:200]}") from error
    return model
