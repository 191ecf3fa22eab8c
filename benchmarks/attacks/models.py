"""Do predict, evaluate and export always succeed or fail with one line, however broken a model folder is?"""

import json
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from onnx import TensorProto

from benchmarks.attacks.damage import Random, any_of, damage
from benchmarks.attacks.recordings import recording
from benchmarks.attacks.siege import Input, arguments, besiege
from benchmarks.attacks.tiny import SETTINGS, linear, tiny
from features.decoding.rejected import Rejected
from models.asking.predictor import Predictor
from models.config import ModelError, read_origin
from models.learning.trained import fresh, load, save
from pipeline.reports.about import About, about_trained, read_about, write_about
from pipeline.stage import UserError

FOLDER = Path("data/model")
NUMBERS = [0, -1, 1, 2, 0.5, -0.0, 1e-30, 1e30, 1e308, 2**31, 2**63, 10**30, float("nan"), float("inf")]
WORDS = [
    "",
    "cnn",
    "rnn",
    "../../outside/evil",
    "/etc/passwd",
    "a\nb",
    "\x1b[2J",
    "\0",
    "x" * 100_000,
    "é",
    "0.7",
    "None",
]
OTHERS = [None, True, [], {}, [[]], {"a": 1}, [0] * 20_000, [0] * 200_000, ["x"] * 300, [1, 2, 3], [float("nan")] * 64]
DEEP = "[" * 100_000 + "]" * 100_000
FILES = ("config.json", "model.pth", "model.onnx", "about.json")


@cache
def saved(architecture: str) -> dict[str, bytes]:
    """The files of a working model."""
    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        save(fresh(tiny(architecture)), tiny(architecture), Path(folder))
        write_about(About("a.tar", True, False, 96, 37, 0.5, 0.4, 0.6, unsure=0.4), Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@cache
def voice() -> bytes:
    return recording("MP3", np.random.default_rng(0))


def edit_values(config: dict, rng: Random) -> None:
    """Change one to three values of a config, or remove or add a name."""
    for _ in range(rng.integers(1, 4)):
        place = config
        while rng.integers(3) and (deeper := [value for value in place.values() if isinstance(value, dict) and value]):
            place = any_of(rng, deeper)
        name, value = any_of(rng, list(place)), any_of(rng, any_of(rng, [NUMBERS, NUMBERS, WORDS, OTHERS]))
        match rng.integers(8):
            case 0:
                del place[name]
                if not place:
                    return
            case 1:
                place[any_of(rng, ["more", "", "a\nb", name + " "])] = value
            case 2 if isinstance(place[name], list) and place[name]:
                place[name][rng.integers(len(place[name]))] = value
            case 3 if isinstance(place[name], list):
                place[name] = any_of(rng, [place[name][1:], place[name] * 2, place[name][:1]])
            case 4 | 5 if isinstance(place[name], (int, float)):
                place[name] *= any_of(rng, [0, -1, 0.5, 0.9, 1.1, 2, 10, 1000])
            case _:
                place[name] = value


def edit_sizes(config: dict, rng: Random) -> None:
    """Change the architecture, or its sizes to allowed ones that do not fit these weights or this memory."""
    name = any_of(rng, list(SETTINGS))
    config |= {"architecture": name, "settings": dict(SETTINGS[name])}
    setting = any_of(rng, list(config["settings"]))
    value, size = config["settings"][setting], any_of(rng, [1, 5, 64, 4096, 10**6, 10**9])
    config["settings"][setting] = [size] * len(value) if isinstance(value, list) else size
    if rng.integers(2):
        config["frames"] = any_of(rng, [16, 17, 1000, 10_000, 10**9])
    if rng.integers(3) == 0:
        config["groups"] = [f"group{number}" for number in range(any_of(rng, [2, 100, 10_000]))]
        config["years"] = [20.0] * len(config["groups"])


def edit_weights(architecture: str, rng: Random) -> bytes:
    """Weights that are not finite, of another type, too few or too many, or no weights at all."""
    model = fresh(tiny(architecture)).net.state_dict()
    name = any_of(rng, list(model))
    wide = torch.zeros(1).expand(10**6, 10**6)  # four bytes
    changes = [
        {name: torch.full_like(model[name], any_of(rng, [7, -1]) if "num" in name else float("nan"))},
        {name: torch.full_like(model[name], 1e38) if model[name].is_floating_point() else model[name]},
        {name: model[name].to(any_of(rng, [torch.float64, torch.int8, torch.complex64]))},
        {name: any_of(rng, [wide, torch.zeros(0), None, "text", [1.0]])},
        {any_of(rng, ["more", "a\nb", 5]): torch.zeros(1)},
    ]
    state = any_of(rng, [model | any_of(rng, changes), model | any_of(rng, changes), [], None, {}, wide])
    torch.save(state, "data/weights")
    return Path("data/weights").read_bytes()


def edit_network(rng: Random) -> bytes:
    """An ONNX file, valid or not, intact or damaged."""
    networks = [
        linear(),
        linear(groups=4),
        linear(groups=1),
        linear(weight=np.nan),
        linear(weight=1e38),
        linear(feature="sound"),
        linear(kind=TensorProto.FLOAT),
        linear(kind=TensorProto.INT64),
        linear(batch=1),
        linear(batch=7),
    ]
    data = any_of(rng, networks).SerializeToString()
    return damage(data, rng) if rng.integers(2) else data


def folder_of(rng: Random) -> dict[str, bytes]:
    """The files of a model in which something is wrong."""
    architecture = any_of(rng, list(SETTINGS))
    files = dict(saved(architecture))
    match rng.integers(7):
        case 0 | 1 | 2:
            config = json.loads(files["config.json"])
            any_of(rng, [edit_values, edit_values, edit_sizes])(config, rng)
            files["config.json"] = json.dumps(config).encode("utf-8", "surrogatepass")
        case 3:
            files["model.pth"] = any_of(
                rng, [edit_weights(architecture, rng), saved(any_of(rng, list(SETTINGS)))["model.pth"]]
            )
        case 4:
            files["model.onnx"] = edit_network(rng)
        case 5:
            name = any_of(rng, ["config.json", "model.pth", "about.json"])
            files[name] = damage(files[name], rng)
        case 6:
            name = any_of(rng, FILES)
            text = any_of(rng, [b"", b"null", b"[]", b"\xff\xfe{\0}\0", DEEP.encode(), b" " * 2**21, b'{"a":' * 10_000])
            files[name] = text
    if rng.integers(10) == 0:
        del files[any_of(rng, list(files))]
    return files


def inputs(outside: Path, folders: int, seed: int) -> Iterator[Input]:
    for number in range(folders):
        rng = np.random.default_rng([seed, number])
        yield f"folder {number} of seed {seed}", partial(attempt, folder_of(rng))


def attempt(files: dict[str, bytes]) -> None:
    """Run predict, evaluate and export on a model. Raises UserError if one of them refuses it."""
    FOLDER.mkdir()
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    said = {}
    for what in (predict, load, read_origin, read_about, about_exported):
        try:
            what(FOLDER)
        except (UserError, ModelError) as error:
            said[what] = error
    if "model.pth" in files and "model.onnx" not in files and str(said.get(predict)) != str(said.get(load)):
        raise AssertionError(f"predict says {said.get(predict)}, evaluate and export {said.get(load)}")
    for error in sorted(said.values(), key=lambda error: "\n" not in str(error)):
        raise error


def about_exported(folder: Path) -> None:
    about_trained(folder, unsure=0.4)


def predict(folder: Path) -> None:
    predictor = Predictor(folder, unsure=0.4)
    try:
        heard = predictor.hear(voice())
    except Rejected:  # by a front-end that may require a minute
        return
    for answer in predictor.judge([heard, heard]):
        numbers = [answer.age, answer.probability, *answer.probabilities.values()]
        if not np.isfinite(numbers).all() or abs(sum(answer.probabilities.values()) - 1) > 1e-5:
            raise AssertionError(f"it answers {answer}")


if __name__ == "__main__":
    chosen = arguments(__doc__, folders=100, seed=0)
    besiege(partial(inputs, folders=chosen.folders, seed=chosen.seed), "models")
