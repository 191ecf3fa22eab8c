"""Speech models as encoders: ONNX agrees with torch (also speech.py, exported.py, windows.py)."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torchaudio.models import Wav2Vec2Model, wav2vec2_base, wav2vec2_model, wavlm_model

from features.front_end import Reading
from features.front_ends.encoder import Encoder
from models.encoders.exported import write_encoder
from models.encoders.speech import MODELS, Speech, load_speech
from tests.conftest import buzz

READING = Reading(16000, trim=40, shortest=0.5, longest=60)

ABOUT = {"name": "small", "hop": "0.5", "width": "1", "licence": "MIT", "source": "this test"}
WIDTH, LAYERS = 24, 3
NO_DROPOUT = dict.fromkeys(
    ["projection_dropout", "attention_dropout", "ff_interm_dropout", "dropout", "layer_drop"], 0.0
)
SIZES = {
    "embed_dim": WIDTH,
    "pos_conv_kernel": 16,
    "pos_conv_groups": 4,
    "num_layers": LAYERS,
    "num_heads": 2,
    "ff_interm_features": 32,
}
SMALL = {
    "extractor_conv_layer_config": [(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16, 2, 2)] * 2,
    "aux_num_out": None,
    **{f"encoder_{name}": value for name, value in (NO_DROPOUT | SIZES).items()},
}
GROUP = {"extractor_mode": "group_norm", "extractor_conv_bias": False, "encoder_layer_norm_first": False}
LAYER = {"extractor_mode": "layer_norm", "extractor_conv_bias": True, "encoder_layer_norm_first": True}
WAVLM = {"encoder_num_buckets": 320, "encoder_max_distance": 800}
KINDS = {
    "wav2vec2 and hubert base": lambda: wav2vec2_model(**GROUP, **SMALL),
    "wav2vec2 and hubert large": lambda: wav2vec2_model(**LAYER, **SMALL),
    "wavlm base": lambda: wavlm_model(**GROUP, **WAVLM, **SMALL),
    "wavlm large": lambda: wavlm_model(**LAYER, **WAVLM, **SMALL),
}


def made(kind: str) -> Wav2Vec2Model:
    """A small one, its weights so large that the output depends on the input."""
    torch.manual_seed(0)
    model = KINDS[kind]()
    for values in model.parameters():
        torch.nn.init.normal_(values, std=0.3)
    return model.eval()


def opened(path: Path) -> Encoder:
    return Encoder(READING, path, hashlib.sha256(path.read_bytes()).hexdigest())


def voice(seconds: float) -> torch.Tensor:
    """Of a pitch that changes. Shape: (1, samples)."""
    parts = [buzz(seconds / 2, 16_000, seed) for seed in (1, 2)]
    return torch.from_numpy(np.concatenate(parts).astype(np.float32))[None]


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_runtime_agrees_with_torch(kind, tmp_path):
    encoder = Speech(made(kind), [1, 3], window=50, hop=25, deviation=True).eval()
    write_encoder(encoder, ABOUT, tmp_path / "small.onnx")
    run = opened(tmp_path / "small.onnx").run
    for seconds in (0.01, 0.3, 1.0, 1.03, 4.03, 20):
        samples = voice(seconds)
        with torch.inference_mode():
            expected = encoder(samples).numpy()
        assert expected.shape[1] == 2 * 2 * WIDTH
        np.testing.assert_allclose(run(samples[0].numpy()), expected, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 1e-2  # or agreement would mean nothing


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_means_and_deviations_of_layers(kind):
    samples = voice(2.03)
    encoder = Speech(made(kind), [2, 3], window=50, hop=25, deviation=True).eval()
    heard = samples
    if "large" in kind:
        heard = torch.nn.functional.layer_norm(samples, samples.shape)  # as torchaudio's bundles do
    with torch.inference_mode():
        layers, _ = made(kind).extract_features(heard)
        features = encoder(samples)
    frames = layers[0].shape[1]
    starts = [*range(0, frames - 50, 25), frames - 50]
    expected = [
        torch.cat(
            [
                part
                for layer in layers[1:]
                for some in [layer[0, start : start + 50]]
                for part in (some.mean(dim=0), some.std(dim=0, correction=0))
            ]
        )
        for start in starts
    ]
    torch.testing.assert_close(features, torch.stack(expected), rtol=1e-3, atol=1e-4)


def test_a_clip_shorter_than_a_window_is_one_window():
    model, samples = made("wavlm base"), voice(0.6)
    with torch.inference_mode():
        layers, _ = made("wavlm base").extract_features(samples)
        features = Speech(model, [3], window=50, hop=25, deviation=False).eval()(samples)
    torch.testing.assert_close(features, layers[2][0].mean(dim=0)[None], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (([0, 1], 50, 25), "there is no layer 0: allowed are 1 to 3"),
        (([4], 50, 25), "there is no layer 4: allowed are 1 to 3"),
        (([1], 25, 50), "hop and window are 50 and 25 frames: allowed is 1 <= hop <= window"),
        (([1], 25, 0), "hop and window are 0 and 25 frames"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        Speech(made("wavlm base"), *settings, deviation=False)


def test_weights_of_the_model_are_taken_and_others_refused(monkeypatch):
    monkeypatch.setitem(MODELS["wav2vec2"], "base", KINDS["wav2vec2 and hubert base"])
    weights = made("wav2vec2 and hubert base").state_dict()
    loaded = load_speech("wav2vec2", "base", weights | {"aux.weight": torch.zeros(3, WIDTH)})
    torch.testing.assert_close(loaded.state_dict(), weights)
    old = {  # as in the files that torchaudio publishes
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): each
        for name, each in weights.items()
    }
    assert old.keys() != weights.keys()
    torch.testing.assert_close(load_speech("wav2vec2", "base", old).state_dict(), weights)
    with pytest.raises(ValueError, match=r"^they are not those of wav2vec2 base: [^\n]*Missing key[^\n]*$"):
        load_speech("wav2vec2", "base", {})


@pytest.mark.parametrize("kind", MODELS)
def test_every_size_can_be_built(kind):
    with torch.device("meta"):
        for build in MODELS[kind].values():
            model = build()
            assert len(model.encoder.transformer.layers) in (12, 24)
    assert MODELS["wav2vec2"]["base"] is wav2vec2_base
