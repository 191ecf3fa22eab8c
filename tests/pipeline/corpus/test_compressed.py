import bz2
import gzip
import io
import lzma

import numpy as np
import pytest

from pipeline.corpus.compressed import DAMAGED, decompressed

DATA = np.random.default_rng(0).bytes(300_000) + bytes(500_000)
FORMS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@pytest.fixture(scope="module", params=FORMS)
def streams(request) -> tuple[bytes, bytes]:
    """DATA, and DATA from its end to its beginning, compressed."""
    return FORMS[request.param](DATA), FORMS[request.param](DATA[::-1])


def read(data: bytes, size: int = 1000) -> bytes:
    file = decompressed(io.BytesIO(data))
    return b"".join(iter(lambda: file.read(size), b""))


@pytest.mark.parametrize("size", [1000, 100_000, -1])
def test_all_streams_are_read(streams, size):
    first, second = streams
    assert read(first, size) == DATA
    assert read(first + second + first, size) == DATA + DATA[::-1] + DATA


@pytest.mark.parametrize("data", [b"", b"BZ", DATA])
def test_what_is_not_compressed_is_read_as_it_is(data):
    assert read(data) == data


@pytest.mark.parametrize("behind", [b"x", b"B", b"garbage", bytes(600), bytes(100_000), b"\n" * 70_000])
def test_bytes_after_the_end_are_ignored(streams, behind):
    first, second = streams
    assert read(first + behind) == DATA
    assert read(first + second + behind + first) == DATA + DATA[::-1]


@pytest.mark.parametrize("place", [15, 1000, -9, -1])
def test_a_cut_file_is_an_error(streams, place):
    first, second = streams
    for data in (first[:place], (second + first)[: place % len(first) + len(second)]):
        with pytest.raises(EOFError, match="ended before the end-of-stream marker"):
            read(data)


@pytest.mark.parametrize("place", [12, 1000, -10, -2])
def test_a_damaged_file_is_an_error(streams, place):
    damaged = bytearray(streams[0])
    damaged[place] ^= 0x55
    with pytest.raises(DAMAGED):
        read(bytes(damaged))


def test_a_bomb_is_read_in_small_pieces():
    for compress in FORMS.values():
        file = decompressed(io.BytesIO(compress(bytes(10**7))))
        assert len(file.raw.read(4096)) <= 4096
