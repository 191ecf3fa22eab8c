from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from threadpoolctl import threadpool_info

from features.decoding.decoder import decode_shard, read_listing
from features.decoding.sound import Rejected
from features.index import write_index
from features.shard import ShardWriter
from features.store import Store
from models.asking.predictor import SPEECHLESS, UNSURE, Predictor, complaint, credible_range
from models.calibration import tempered
from models.config import Config
from models.judging.judge import judge
from models.learning.data import Windows
from models.learning.trained import fresh, load, save
from pipeline.voices.synthetic import RATE, draw_voice, speak
from tests.conftest import buzz, encode

GROUPS, YEARS = ["young", "middle", "old"], [20.0, 40.0, 70.0]


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    sound = speak(draw_voice(30, "female", random), seconds, random)
    return 0.1 * sound / np.sqrt(np.mean(sound**2))


@pytest.fixture(scope="module")
def model(tmp_path_factory, front_end):
    folder = tmp_path_factory.mktemp("model")
    config = Config(
        "cnn", {"channels": [4, 4, 4], "dropout": 0}, GROUPS, 60, front_end, [-7.0] * 64, [2.5] * 64, YEARS, 0.7
    )
    torch.manual_seed(0)
    save(fresh(config), config, folder)
    return folder


@pytest.fixture(scope="module")
def predictor(model):
    return Predictor(model, unsure=0.0)


def test_it_judges_as_evaluate_does(model, predictor, front_end, mp3, tmp_path):
    """The same sound files, by way of the store, torch's windows and `judge`."""
    clips = {f"clip{number}": mp3(0.7 + number, (48000, 32000)[number % 2], number) for number in range(5)}
    with ShardWriter(tmp_path / "clips.tar") as shard:
        for key, data in clips.items():
            shard.add(f"{key}.mp3", data)
    decode_shard(tmp_path / "clips.tar", tmp_path / "00000.tar", {key: {} for key in clips}, front_end)
    write_index(tmp_path, read_listing(tmp_path / "00000.tar")["index"], front_end)
    store = Store(tmp_path)
    recordings = [predictor.hear(data) for data in clips.values()]
    for key, heard in zip(clips, recordings, strict=True):
        np.testing.assert_array_equal(heard.features, store.clip(store.rows_of(pd.Series([key]))[0]))
    trained, config = load(model)
    windows = Windows(store, np.arange(5), np.arange(5), config.frames, batch_size=2)
    with torch.inference_mode():
        logits = torch.cat([trained(features) for features, *_ in windows]).numpy()
    np.testing.assert_allclose(np.concatenate(predictor.logits(recordings)), logits, atol=1e-5)
    expected = tempered(judge(trained, windows, 5), config.temperature)
    given = np.array([list(each.probabilities.values()) for each in predictor.judge(recordings)])
    np.testing.assert_allclose(given, expected, atol=1e-6)


def test_an_answer_follows_from_the_probabilities(predictor):
    heard = predictor.hear(encode(voice(2), RATE, "WAV"))
    prediction = predictor.judge([heard])[0]
    probabilities = np.array([prediction.probabilities[group] for group in GROUPS])
    assert probabilities.sum() == pytest.approx(1)
    assert prediction.group == GROUPS[probabilities.argmax()]
    assert prediction.probability == probabilities.max()
    assert prediction.age == pytest.approx(probabilities @ YEARS)
    assert prediction.warnings == []


def test_under_the_threshold_no_group_is_named(model, predictor):
    heard = predictor.hear(encode(voice(2), RATE, "WAV"))
    probability = predictor.judge([heard])[0].probability
    assert Predictor(model, unsure=probability).judge([heard])[0].group != UNSURE
    assert Predictor(model, unsure=probability + 1e-6).judge([heard])[0].group == UNSURE


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([0.9, 0.05, 0.05], (0, 0)),
        ([0.1, 0.7, 0.2], (1, 2)),
        ([0.15, 0.7, 0.15], (0, 1)),
        ([0.4, 0.2, 0.4], (0, 2)),
        ([0.05, 0.45, 0.05, 0.45], (1, 3)),
        ([0.1, 0.1, 0.0, 0.8], (3, 3)),
    ],
)
def test_the_range_is_the_narrowest_that_holds_four_fifths(probabilities, expected):
    assert credible_range(np.array(probabilities)) == expected


@pytest.mark.parametrize(
    ("samples", "warning"),
    [
        (voice(4)[RATE // 4 : RATE], "shorter than a second"),
        (np.clip(5 * voice(2), -1, 1), "clipped"),
        (0.03 * voice(2), "nearly silent"),
        (0.1 * np.random.default_rng(0).standard_normal(2 * RATE), SPEECHLESS),
    ],
)
def test_reasons_not_to_believe_it_are_given(predictor, samples, warning):
    heard = predictor.hear(encode(samples, RATE, "FLAC"))
    assert heard.warnings == [warning]
    assert (predictor.judge([heard])[0].group == UNSURE) == (warning == SPEECHLESS)


def test_a_truncated_file_is_judged_with_a_warning(predictor):
    data = encode(voice(3), RATE)
    assert predictor.hear(data).warnings == []
    assert predictor.hear(data[: 2 * len(data) // 3]).warnings == ["cut off before its end"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"no sound at all\n" * 50, "it cannot be read as sound (Format not recognised)"),
        (encode(np.zeros(RATE), RATE, "WAV"), "no speech found: it is silent"),
        (encode(buzz(0.2, RATE, 0), RATE, "WAV"), "it is too short (0.20 s of sound)"),
        (encode(np.zeros(8000 * 61), 8000, "FLAC"), "it is too long (61 s)"),
    ],
)
def test_a_rejected_recording_comes_with_the_reason(predictor, data, said):
    with pytest.raises(Rejected) as rejected:
        predictor.hear(data)
    assert complaint(rejected.value).startswith(said)


def test_threads_that_share_it_get_the_same_answers_as_one(model):
    predictor = Predictor(model, unsure=0.0)
    sounds = [encode(voice(1.5 + seed / 2, seed), RATE, form) for seed, form in enumerate(["WAV", "FLAC", "MP3"] * 2)]
    sounds.append(b"<!doctype html><title>No sound</title>" * 500)

    def ask(data: bytes) -> tuple:
        try:
            heard, (pictured, *span) = predictor.hear(data), predictor.whole_logmel(data)
        except Rejected as rejected:
            return rejected.args
        return heard.features.tobytes(), pictured.tobytes(), *span, predictor.judge([heard])

    expected, limits = [ask(data) for data in sounds], threadpool_info()
    with ThreadPoolExecutor(len(sounds)) as threads:
        answers = threads.map(ask, sounds * 20)
    assert list(answers) == expected * 20
    assert threadpool_info() == limits
