"""Encoder: an ONNX file as a front-end, or one line that says why not (also dvector.py)."""

import hashlib
import re
import resource
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from features.front_end import Reading
from features.front_ends.encoder import Encoder, EncoderError
from features.front_ends.opening import describe, open_front_end

READING = Reading(16000, trim=40, shortest=0.5, longest=60)

WIDTH, HOP, VALUES = 8000, 4000, 3  # samples, samples
ABOUT = {"name": "tiny", "hop": "0.25", "width": "0.5", "licence": "MIT", "source": "this test"}
WEIGHTS = np.random.default_rng(0).normal(0, 0.01, (VALUES, 1, WIDTH)).astype(np.float32)
FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


def tiny(
    name: str = "samples",
    kind: int = FLOAT,
    shape: tuple = (1, "n"),
    given: str = "features",
    frames: tuple = ("frames", VALUES),
    weights: np.ndarray = WEIGHTS,
    about: dict = ABOUT,
) -> onnx.ModelProto:
    """An encoder of one convolution; of negative samples, so that it takes as much memory again as the samples."""
    nodes = [
        helper.make_node("Cast", [name], ["cast"], to=FLOAT),
        helper.make_node("Neg", ["cast"], ["negative"]),
        helper.make_node("Unsqueeze", ["negative", "first"], ["row"]),
        helper.make_node("Conv", ["row", "weights"], ["columns"], strides=[HOP]),
        helper.make_node("Squeeze", ["columns", "zeroth"], ["turned"]),
        helper.make_node("Transpose", ["turned"], [given], perm=[1, 0]),
    ]
    constants = {"weights": weights, "first": np.array([1]), "zeroth": np.array([0])}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, kind, shape)],
        [helper.make_tensor_value_info(given, FLOAT, frames)],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(network, about)
    return network


def written(network: onnx.ModelProto, path: Path) -> tuple[Path, str]:
    path.write_bytes(network.SerializeToString())
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def use_encoder(project: Path) -> dict:
    """Put a tiny encoder into a project. Returns the settings that choose it, with a head that takes few frames."""
    path = project / "data/encoders/encoder/encoder.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    _, sha256 = written(tiny(), path)
    section = {"file": "data/encoders/encoder/encoder.onnx", "sha256": sha256}
    return {"features": "encoder", "model": "linear", "front_ends": {"encoder": section}}


@pytest.fixture
def file(tmp_path) -> tuple[Path, str]:
    return written(tiny(), tmp_path / "tiny.onnx")


def sound(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(0, 0.3, count).astype(np.float32)


@pytest.mark.parametrize("count", [8000, 11_999, 12_000, 100_001])
def test_frames_are_what_the_network_gives(file, count):
    encoder, samples = Encoder(READING, *file), sound(count)
    features = encoder(samples)
    windows = np.lib.stride_tricks.sliding_window_view(samples, WIDTH)[::HOP]
    assert features.dtype == np.float16
    assert features.shape == (1 + (count - WIDTH) // HOP, VALUES)
    np.testing.assert_allclose(features, -windows @ WEIGHTS[:, 0].T, atol=1e-3)


def test_it_says_what_its_frames_are(file):
    encoder = Encoder(READING, *file)
    assert (encoder.values, encoder.hop, encoder.width) == (VALUES, 0.25, 0.5)


def test_what_float16_cannot_hold_is_infinite(tmp_path):
    encoder = Encoder(READING, *written(tiny(weights=1e5 * WEIGHTS), tmp_path / "loud.onnx"))
    features = encoder(-1000 * np.sign(WEIGHTS[0, 0]))
    assert features[0, 0] == np.inf


def encoded(file: Path, sha256: str, count: int) -> bytes:
    return Encoder(READING, file, sha256)(sound(count)).tobytes()


def test_the_same_bytes_whatever_else_is_at_work(file):
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:  # unlike a Pool, it raises if a process dies
        together = [each.result() for each in [pool.submit(encoded, *file, 500_000) for _ in range(8)]]
    assert {*together} == {encoded(*file, 500_000)}


GPU = [("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"})]
PROCESSOR = [("CPUExecutionProvider", {})]


@pytest.fixture
def asked(monkeypatch) -> list:
    """The providers of each session that is opened from now on; the processor runs them all."""
    asked, real = [], onnxruntime.InferenceSession

    def session(file: Path, options: onnxruntime.SessionOptions, providers: list) -> onnxruntime.InferenceSession:
        asked.append(providers)
        return real(file, options, providers=PROCESSOR)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    return asked


@pytest.mark.parametrize(
    ("gpu", "available", "expected"),
    [
        (True, ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"], GPU + PROCESSOR),
        (True, ["CPUExecutionProvider"], PROCESSOR),
        (False, ["CUDAExecutionProvider", "CPUExecutionProvider"], PROCESSOR),
    ],
)
def test_a_gpu_is_asked_for_where_it_is_wanted_and_there(gpu, available, expected, file, asked, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    path, sha256 = file
    front_end = describe("encoder", READING, {"file": str(path), "sha256": sha256})
    asked.clear()
    assert open_front_end(front_end, gpu)(sound(8000)).shape == (1, VALUES)
    assert asked == [expected]


def test_what_is_not_an_encoder_runs_as_ever(front_end):
    np.testing.assert_array_equal(
        open_front_end(front_end, gpu=True)(sound(8000)), open_front_end(front_end)(sound(8000))
    )


def test_it_needs_no_torch(file):
    path, sha256 = file
    run = f"Encoder(Reading(16000, 40, 0.5, 60), {str(path)!r}, {sha256!r})(numpy.ones(8000))"
    imports = "from features.front_end import Reading; from features.front_ends.encoder import Encoder"
    code = f"import numpy, sys; {imports}; {run}"
    assert subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"]).returncode == 0


def test_a_lack_of_memory_is_not_the_clips_fault(file):
    encoder, samples = Encoder(READING, *file), np.zeros(50_000_000, np.float32)
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 10_000_000, before[1]))
    try:
        with pytest.raises(MemoryError):
            encoder(samples)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_file_that_is_missing_says_what_makes_it(tmp_path):
    with pytest.raises(EncoderError) as error:
        Encoder(READING, tmp_path / "dvector" / "dvector.onnx", "0" * 64)
    assert (
        str(error.value) == f"there is no {tmp_path}/dvector/dvector.onnx: python -m pipeline.encoder dvector makes it"
    )


def test_a_file_with_another_checksum_names_both(file):
    path, sha256 = file
    with pytest.raises(EncoderError) as error:
        Encoder(READING, path, "0" * 64)
    assert str(error.value) == (
        f"{path} has the SHA-256 {sha256}, not {'0' * 64}: python -m pipeline.encoder --help says how to make one"
    )


@pytest.mark.parametrize("path", ["/", "/dev/zero"])
def test_what_is_not_a_file_is_not_an_encoder(path):
    with pytest.raises(EncoderError, match=f"^{path} is not a file$"):
        Encoder(READING, path, "0" * 64)


def test_a_damaged_file_is_refused_in_one_line(tmp_path, capfd):
    path = tmp_path / "damaged.onnx"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", encoding="utf-8")
    with pytest.raises(EncoderError, match=r"damaged\.onnx cannot be run: [^\n]+$"):
        Encoder(READING, path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (tiny(name="sound"), "it takes [('sound', 'tensor(float)', (1, 'n'))] and gives"),
        (tiny(kind=DOUBLE), "it takes [('samples', 'tensor(double)', (1, 'n'))] and gives"),
        (tiny(shape=(1, 8000)), "it takes [('samples', 'tensor(float)', (1, 8000))] and gives"),
        (tiny(shape=("batch", "n")), "not float samples (1, any number) and features (any number, n)"),
        (tiny(given="values"), "gives [('values', 'tensor(float)', ('frames', 3))], not"),
        (tiny(frames=(1, VALUES)), "gives [('features', 'tensor(float)', (1, 3))], not"),
        (tiny(about={**ABOUT, "licence": ""}), "its metadata do not say licence"),
        (tiny(about={"name": "tiny", "source": "here"}), "its metadata do not say hop, width, licence"),
        (tiny(about={**ABOUT, "hop": "soon"}), "its metadata say hop is 'soon': it must be a number of seconds above"),
        (tiny(about={**ABOUT, "width": "nan"}), "its metadata say width is 'nan': it must be"),
        (tiny(about={**ABOUT, "width": "-1"}), "its metadata say width is '-1': it must be"),
        (tiny(weights=WEIGHTS * np.float32(np.nan)), "it gives numbers that are not finite"),
        (tiny(weights=np.zeros((VALUES, 1, WIDTH + 1), np.float32)), "Invalid input shape"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_network_that_is_not_an_encoder_is_refused_in_one_line(network, said, tmp_path, capfd):
    file = written(network, tmp_path / "other.onnx")
    with pytest.raises(EncoderError, match=rf"^[^\n]*other\.onnx cannot be run: [^\n]*{re.escape(said)}[^\n]*$"):
        Encoder(READING, *file)
    assert capfd.readouterr() == ("", "")
