"""FFmpeg: decodes, through PyAV, what libsndfile refuses: M4A, WebM, AMR, MP3s with foreign bytes, FLAC cut short.

The bytes are a stranger's. FFmpeg gets them from memory, reads them as the form that they begin with, and may open
nothing else: left to itself, it finds playlists in them and reads on in whatever files and addresses these name.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import NoReturn

import av
import numpy as np

from features.decoding.mono import SAMPLES_AT_ONCE, SoundStream
from features.decoding.mp4 import announced_samples

DECODERS = {"aac", "alac", "amrnb", "amrwb", "flac", "gsm_ms", "mp2float", "mp3float", "opus", "speex", "vorbis"} | {
    name for name in av.codecs_available if name.startswith(("adpcm_", "pcm_"))
}
MOST_SAMPLES = (
    30_000_000  # samples that an MP4 may announce, each of which takes 24 bytes; a minute at 384 kHz has 23 million
)
OPTIONS = {
    "codec_whitelist": ",".join(sorted(DECODERS)),  # not of pictures that come with a sound: 2 MB may hold 2 GB
    "enable_drefs": "0",  # MP4 may refer to other files
    "advanced_editlist": "0",  # and repeat a sound as often as it likes
}


@contextmanager
def open_ffmpeg(data: bytes, form: str) -> Iterator[SoundStream]:
    """`form` is one of container.BY_FFMPEG. Raises ValueError for what holds no sound that can be decoded."""
    if form == "mov" and announced_samples(data) > min(2 * len(data), MOST_SAMPLES):
        raise ValueError("it announces more samples than it holds")
    try:
        container = av.open(
            io.BytesIO(data), format=form, options=OPTIONS, metadata_errors="ignore", io_open=refuse_reference
        )
    except av.FFmpegError as error:
        raise ValueError(error.strerror) from error
    with container:
        frames = decoded(container)
        first = next(frames, None)
        if not first:
            raise ValueError("no sound that can be decoded")
        rate, channels = first.sample_rate, first.layout.nb_channels  # which a header may state otherwise
        alike = (each for each in frames if (each.sample_rate, each.layout.nb_channels) == (rate, channels))
        yield SoundStream(rate, channels, 0, blocks(map(samples_of, chain([first], alike))))


def refuse_reference(url: str, *_: object) -> NoReturn:
    raise ValueError(f"it refers to {url}")


def decoded(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    """The frames of the first sound in it, without what cannot be decoded between them, up to where it breaks off."""
    sound = next(
        (each for each in container.streams.audio if getattr(each.codec_context, "name", None) in DECODERS), None
    )
    if not sound:
        return
    sound.codec_context.options = {"max_samples": str(SAMPLES_AT_ONCE)}  # of a frame
    with suppress(av.FFmpegError):
        for packet in container.demux(sound):
            with suppress(av.error.InvalidDataError):
                yield from packet.decode()


def samples_of(frame: av.AudioFrame) -> np.ndarray:
    """Shape: (samples, channels) float32, full scale ±1."""
    samples = frame.to_ndarray()  # (channels, samples), or (1, samples × channels)
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    if samples.dtype == np.uint8:
        samples = samples.astype(np.int16) - 128
        return np.float32(samples / 128)
    if samples.dtype.kind == "i":
        return np.float32(samples / -np.iinfo(samples.dtype).min)
    return samples.astype(np.float32)


def blocks(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames of (samples, channels) joined to blocks of about BLOCK samples over all channels."""
    held, size = [], 0
    for frame in frames:
        held.append(frame)
        size += frame.size
        if size >= SAMPLES_AT_ONCE:
            yield np.concatenate(held)
            held, size = [], 0
    if held:
        yield np.concatenate(held)
