"""Encoder: a pretrained voice encoder, which is an ONNX file, as a front-end. Run by ONNX Runtime, without torch."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Len, MinLen

from features.front_end import STRICT, Reading
from features.running.one_line import one_line

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg

RATE = 16_000  # Hz
CPU = ("CPUExecutionProvider", {})
# By default, convolutions are benchmarked anew for each length of clip, and matrices multiplied with ten bits.
CUDA = ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"})
METADATA = ("name", "hop", "width", "licence", "source")
OUT_OF_MEMORY = ("Failed to allocate memory", "bad_alloc")  # in what ONNX Runtime raises, which has no type for it
REMEDIES = {"dvector": "python -m pipeline.encoder dvector makes it"}  # by the folder that lacks its file


@dataclass(frozen=True)
class EncoderSettings:
    file: Annotated[str, MinLen(1)]
    sha256: Annotated[str, Len(64, 64)]

    __pydantic_config__: ClassVar[dict] = STRICT


class EncoderError(Exception):
    """A file that is not the voice encoder that is asked for, or cannot be run; the text says why, in one line."""


class Encoder:
    """Callable that turns samples into frames, each of which stands for a window of a second or so.

    Frames are `hop` s apart and `width` s wide; the last may lie closer, since it ends where the clip ends. A clip
    shorter than a window gives one frame: the network itself fills it up (a d-vector's with silence). One thread, and
    one operation after the other, so that the bytes do not depend on who else is at work.
    """

    Settings = EncoderSettings

    @staticmethod
    def check(settings: EncoderSettings, sound: Reading) -> None:
        """Raises ValueError for sounds at another rate."""
        if sound.sample_rate != RATE:
            raise ValueError(f"file is an encoder's, which takes {RATE} Hz: sound.sample_rate is {sound.sample_rate}")

    def __init__(self, sound: Reading, file: str, sha256: str, gpu: bool = False):
        """Raises EncoderError unless `file` has this checksum and runs; it is tried on half a second of noise.

        Raises ValueError for sounds at another rate. `gpu` is no setting: see `providers`.
        """
        self.check(EncoderSettings(file, sha256), sound)
        file = Path(file)
        check_file(file, sha256)
        with running(file):
            self.session = open_session(file, gpu)
            self.values = check_shapes(self.session)
            self.hop, self.width = check_metadata(self.session.get_modelmeta().custom_metadata_map)
            check_features(self.run(noise()), self.values)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Shape: (samples,) float32, mono, 16 kHz → (frames, values) float16; what float16 cannot hold is infinite."""
        with np.errstate(over="ignore"):
            return self.run(samples).astype(np.float16)

    def run(self, samples: np.ndarray) -> np.ndarray:
        """Shape: (samples,) → (frames, values) float32.

        Raises MemoryError where memory is short, which is the machine's fault and not the clip's.
        """
        try:
            return self.session.run(["features"], {"samples": np.asarray(samples, np.float32)[None]})[0]
        except Exception as error:
            if any(said in str(error) for said in OUT_OF_MEMORY):
                raise MemoryError("no memory to run the encoder") from error
            raise


@contextmanager
def running(file: Path) -> Iterator[None]:
    """Whatever goes wrong in this block is one EncoderError: what comes of a damaged file has no type in common."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise EncoderError(f"{file} cannot be run: {one_line(error)}") from error


def check_file(file: Path, sha256: str) -> None:
    """Raises EncoderError for a file that is missing, or another one."""
    remedy = REMEDIES.get(file.parent.name, "python -m pipeline.encoder --help says how to make one")
    if file.exists() and not file.is_file():  # a device or a pipe might never end
        raise EncoderError(f"{file} is not a file")
    try:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        raise EncoderError(f"there is no {file}: {remedy}") from None
    except OSError as error:
        raise EncoderError(f"{file} cannot be read: {error.strerror}") from error
    if found != sha256:
        raise EncoderError(f"{file} has the SHA-256 {found}, not {sha256}: {remedy}")


def open_session(file: Path, gpu: bool) -> "InferenceSession":
    import onnxruntime  # not above: log-mels need none

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # the error that it raises is enough
    return onnxruntime.InferenceSession(file, options, providers=providers(gpu, onnxruntime.get_available_providers()))


def providers(gpu: bool, available: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """What ONNX Runtime runs an encoder on: first CUDA, if a GPU is asked for and this build has it."""
    return [CUDA, CPU] if gpu and CUDA[0] in available else [CPU]


def check_shapes(session: "InferenceSession") -> int:
    """The values of a frame. Raises ValueError for a network with other inputs or outputs than an encoder has."""
    match [told(each) for each in session.get_inputs()], [told(each) for each in session.get_outputs()]:
        case [("samples", "tensor(float)", (1, str() | None))], [("features", "tensor(float)", (str() | None, int(n)))]:
            return n
        case inputs, outputs:
            raise ValueError(
                f"it takes {inputs} and gives {outputs}, not float samples (1, any number) and features (any number, n)"
            )


def told(each: "NodeArg") -> tuple[str, str, tuple]:
    return each.name, each.type, tuple(each.shape)


def check_metadata(found: Mapping[str, str]) -> tuple[float, float]:
    """Hop and width, in s. Raises ValueError for metadata that do not say what the encoder is."""
    missing = [name for name in METADATA if not found.get(name)]
    if missing:
        raise ValueError(f"its metadata do not say {', '.join(missing)}")
    return seconds(found, "hop"), seconds(found, "width")


def seconds(found: Mapping[str, str], name: str) -> float:
    try:
        value = float(found[name])
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError(f"its metadata say {name} is {found[name]!r}: it must be a number of seconds above 0")
    return value


def noise() -> np.ndarray:
    """Half a second of it, the same every time."""
    return np.random.default_rng(0).normal(0, 0.1, RATE // 2)


def check_features(features: np.ndarray, values: int) -> None:
    """Raises ValueError for what are not finite numbers, `values` a frame."""
    if features.ndim != 2 or features.shape[1] != values or not len(features):
        raise ValueError(f"it gives numbers of shape {features.shape} for half a second, not of (1, {values})")
    if not np.isfinite(features).all():
        raise ValueError("it gives numbers that are not finite")
