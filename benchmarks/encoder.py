"""How long do d-vectors take on one core, beside the package's network under torch on the same windows?

It uses the packed clips of the last run, and data/encoders/dvector/dvector.onnx; pip downloads the package's weights.
"""

import tempfile
from pathlib import Path

import torch

from benchmarks.decode import sample
from benchmarks.timing import median_seconds, one_core, show
from features.decoding.sound import Rejected, SoundReader, quiet_decoder
from features.front_ends.encoder import Encoder
from models.encoders.dvector import dvector_of, loud_enough, windows_of
from pipeline.encoder import downloaded_wheel, read_weights
from pipeline.params import load_params

ROUNDS = 5


def heard(clips: dict[str, bytes], read_sound: SoundReader) -> list[torch.Tensor]:
    """The samples of the clips that can be read. Shape: (1, samples) each."""
    sounds = []
    with quiet_decoder():
        for data in clips.values():
            try:
                sounds.append(torch.from_numpy(read_sound(data).samples)[None])
            except Rejected:
                continue
    return sounds


@torch.inference_mode()
def main() -> None:
    one_core()
    torch.set_num_threads(1)
    params = load_params()
    encoder, network = (
        Encoder(params.sound, **params.front_ends["dvector"]),
        dvector_of(read_weights(downloaded_wheel())),
    )
    with tempfile.TemporaryDirectory() as folder:
        sounds = heard(sample(Path(folder)), SoundReader(params.sound))
    windows = [windows_of(network.mel(loud_enough(sound))) for sound in sounds]
    ways = {
        "ONNX Runtime, samples to d-vectors": lambda: [encoder(sound[0].numpy()) for sound in sounds],
        "torch, samples to windows of mels": lambda: [windows_of(network.mel(loud_enough(sound))) for sound in sounds],
        "torch, the package's network on these windows": lambda: [network.embed(each) for each in windows],
    }
    taken = median_seconds(ways, ROUNDS)
    rows = [(name, f"{1000 * seconds / len(sounds):.2f}") for name, seconds in taken.items()]
    mean = sum(sound.shape[1] for sound in sounds) / len(sounds) / params.sound.sample_rate
    show(f"{len(sounds)} clips of {mean:.1f} s, median of {ROUNDS} rounds", ("", "ms/clip"), rows)


if __name__ == "__main__":
    main()
