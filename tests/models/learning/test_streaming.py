"""Streams from a real HTTP server on loopback."""

import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import numpy as np
import pytest
import webdataset

from features.store import StoreError
from models.learning.data import Windows, loader, normalisation
from models.learning.streaming import Clips, StreamedCrops, StreamedWindows, even_weights, streamed_normalisation


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def source(store):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(store.folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{{00000..00002}}.tar"
        server.shutdown()


@pytest.fixture
def places():
    """The even clips of the store, and each one's place."""
    return {f"clip{row}": place for place, row in enumerate(range(0, 60, 2))}


@pytest.mark.parametrize("workers", [0, 2])
def test_each_clip_in_the_split_comes_once_and_no_others(source, places, workers):
    windows = StreamedWindows(Clips(source, places), 30, 8)
    came = [place for *_, targets in loader(windows, None, workers) for place in targets.tolist()]
    assert sorted(came) == list(range(30))


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_the_clips(source, places, ranks, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", str(ranks))
    came = []
    for rank in range(ranks):
        monkeypatch.setenv("RANK", str(rank))
        part = [place for _, place in Clips(source, places)]
        assert part
        came += part
    assert sorted(came) == list(range(30))


def test_windows_agree_with_the_store(store, source, places):
    rows = np.arange(0, 60, 2)
    served = {}
    for kind in (Windows(store, rows, np.arange(30), 30, 8), StreamedWindows(Clips(source, places), 30, 8)):
        for features, clip, targets in loader(kind):
            for number, place in enumerate(targets.tolist()):
                served.setdefault(place, []).append(features[clip == number].numpy())
    for stored, streamed in served.values():
        np.testing.assert_array_equal(stored, streamed)


def test_crops_are_parts_of_their_clips_and_an_epoch_has_its_length(store, source, places):
    row_of = dict(enumerate(range(0, 60, 2)))
    crops = StreamedCrops(Clips(source, places, seed=1), 30, 8, batches=6)
    batches = list(loader(crops))
    assert [len(targets) for _, targets in batches] == [8] * 6
    for features, targets in batches:
        for crop, place in zip(features.numpy(), targets.tolist(), strict=True):
            clip = store.clip(row_of[place])
            starts = range(max(1, len(clip) - 29))
            whole = clip if len(clip) >= 30 else np.resize(clip, (30, 64))
            assert any(np.array_equal(whole[start : start + 30], crop) for start in starts)


def test_order_follows_from_the_seed(source, places):
    def order(seed):
        return [place for _, place in islice(Clips(source, places, seed), 40)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert set(order(1)) == set(range(30))


def test_two_workers_make_an_epoch_of_the_stated_length(source, places):
    crops = StreamedCrops(Clips(source, places, seed=1), 30, 4, batches=7)
    assert len(list(loader(crops, None, 2))) == 7


def test_normalisation_agrees_with_the_store(store, source, places):
    for streamed, stored in zip(
        streamed_normalisation(Clips(source, places)), normalisation(store, np.arange(0, 60, 2)), strict=True
    ):
        np.testing.assert_allclose(streamed, stored, rtol=1e-5, atol=1e-5)


def test_missing_shards_are_reported(source, places):
    with pytest.raises(StoreError, match=r"0000\{2\.\.3\}\.tar"):
        list(Clips(source.replace("{00000..00002}", "0000{2..3}"), places))


def test_a_stream_without_the_clips_is_reported(source):
    with pytest.raises(StoreError, match="has none of the clips"):
        streamed_normalisation(Clips(source, {"stranger": 0}))


@pytest.fixture(scope="module")
def uneven(store):
    """Train clips of the store by key: 40, 12 and 5 of three groups, with speakers of 1 to 20 clips."""
    sizes = [[20, 10, 6, 3, 1], [6, 4, 1, 1], [4, 1]]
    speakers = [
        (group, number) for group, of in enumerate(sizes) for number, clips in enumerate(of) for _ in range(clips)
    ]
    order = np.random.default_rng(0).permutation(60)[: len(speakers)]  # spread over the shards, without some clips
    return {f"clip{row}": who for row, who in zip(order.tolist(), speakers, strict=True)}


def weights_of(uneven) -> dict[str, float]:
    groups, number = np.array(list(uneven.values())).T
    return dict(zip(uneven, even_weights(groups, 10 * groups + number).tolist(), strict=True))


def test_the_weights_make_groups_and_speakers_come_equally_often(uneven):
    weights = weights_of(uneven)
    assert sum(weights.values()) == pytest.approx(len(uneven))
    of_speaker = Counter()
    for key, who in uneven.items():
        of_speaker[who] += weights[key]
    for group, voices in enumerate((5, 4, 2)):
        for number in range(voices):
            assert of_speaker[group, number] == pytest.approx(len(uneven) / 3 / voices)


def test_a_speaker_in_two_groups_counts_in_each():
    groups, speakers = np.array([0, 0, 0, 1]), np.array([7, 7, 8, 7])
    np.testing.assert_allclose(even_weights(groups, speakers), [0.5, 0.5, 1, 2])


def test_with_weights_groups_and_speakers_come_equally_often(store, uneven):
    """Over 100 epochs, within 4 standard deviations, as if each count were a Poisson variable: it varies less."""
    shards, weights = f"{store.folder}/{{00000..00002}}.tar", weights_of(uneven)
    epochs, places = 100, {key: place for place, key in enumerate(uneven)}
    keys, came = list(uneven), Counter()
    for seed in range(epochs):
        came.update(keys[place] for _, place in islice(Clips(shards, places, seed, weights), len(keys)))
    assert set(came) == set(uneven)
    for tell in (lambda who: who, lambda who: who[0]):
        expected, counted = Counter(), Counter()
        for key, who in uneven.items():
            expected[tell(who)] += epochs * weights[key]
            counted[tell(who)] += came[key]
        for who, count in counted.items():
            assert abs(count - expected[who]) < 4 * expected[who] ** 0.5, who


def test_repeats_follow_from_the_seed_and_are_different_crops(store, uneven):
    shards, weights = f"{store.folder}/{{00000..00002}}.tar", weights_of(uneven)
    targets = {key: int(key.removeprefix("clip")) for key in uneven}

    def batches(seed):
        crops = StreamedCrops(Clips(shards, targets, seed, weights), 10, 16, batches=4)
        return [(features.numpy(), rows.tolist()) for features, rows in crops]

    once, again, other = batches(1), batches(1), batches(2)
    for (features, rows), (same, same_rows) in zip(once, again, strict=True):
        np.testing.assert_array_equal(features, same)
        assert rows == same_rows
    assert [rows for _, rows in once] != [rows for _, rows in other]
    rarest = max(weights, key=weights.get)
    crops = [
        crop.tobytes()
        for features, rows in once
        for crop, row in zip(features, rows, strict=True)
        if row == targets[rarest]
    ]
    assert len(crops) >= 4
    assert len(set(crops)) > 1


def test_without_weights_the_stream_is_webdatasets_own(store, places):
    shards = f"{store.folder}/{{00000..00002}}.tar"
    plain = webdataset.WebDataset(shards, shardshuffle=100, seed=3).repeat().shuffle(2000, seed=3)
    expected = [places[each["__key__"]] for each in islice(plain, 180) if each["__key__"] in places]
    assert [place for _, place in islice(Clips(shards, places, 3), len(expected))] == expected
