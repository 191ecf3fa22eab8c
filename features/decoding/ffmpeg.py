"""FFmpeg: decodes what libsndfile refuses, through PyAV: M4A, WebM, AMR, MP3s with foreign bytes, truncated FLAC.

The bytes come from strangers. FFmpeg gets them from memory, is told their format, and may open nothing else: left to
itself, it finds playlists in them and opens whatever files and URLs these name.
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
MOST_SAMPLES = 30_000_000  # that an MP4 may announce, at 24 bytes each; a minute at 384 kHz has 23 million
OPTIONS = {
    "codec_whitelist": ",".join(sorted(DECODERS)),  # none for pictures inside: 2 MB of one can unpack to 2 GB
    "enable_drefs": "0",  # an MP4 may refer to other files
    "advanced_editlist": "0",  # and may repeat a sound any number of times
}


@contextmanager
def open_ffmpeg(data: bytes, form: str) -> Iterator[SoundStream]:
    """`form` is one of container.BY_FFMPEG. Raises ValueError if no sound in it can be decoded."""
    if form == "mov" and announced_samples(data) > min(2 * len(data), MOST_SAMPLES):
        raise ValueError("it claims more samples than it holds")
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
        rate, channels = first.sample_rate, first.layout.nb_channels  # the header may say otherwise
        alike = (each for each in frames if (each.sample_rate, each.layout.nb_channels) == (rate, channels))
        yield SoundStream(rate, channels, 0, blocks(map(samples_of, chain([first], alike))))


def refuse_reference(url: str, *_: object) -> NoReturn:
    raise ValueError(f"it refers to {url}")


def decoded(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    """The frames of the first sound in it, up to where it breaks off; frames that cannot be decoded are skipped."""
    sound = next(
        (each for each in container.streams.audio if getattr(each.codec_context, "name", None) in DECODERS), None
    )
    if not sound:
        return
    sound.codec_context.options = {"max_samples": str(SAMPLES_AT_ONCE)}  # in a frame
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
    """Join frames of (samples, channels) into blocks of about SAMPLES_AT_ONCE samples over all channels."""
    held, size = [], 0
    for frame in frames:
        held.append(frame)
        size += frame.size
        if size >= SAMPLES_AT_ONCE:
            yield np.concatenate(held)
            held, size = [], 0
    if held:
        yield np.concatenate(held)
