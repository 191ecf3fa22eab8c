import io
import tarfile

import numpy as np
import pytest
import webdataset

from features.shard import ShardWriter, closed_size, read_shard


def write(path, arrays):
    with ShardWriter(path) as shard:
        return {
            key: (shard.add(f"{key}.json", b'{"age": "teens"}'), shard.add_array(f"{key}.npy", array))[1]
            for key, array in arrays.items()
        }


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    return {f"clip_{number}": random.standard_normal((number + 1, 8)).astype(np.float16) for number in range(5)}


def test_offsets_point_at_the_numbers(tmp_path, arrays):
    offsets = write(tmp_path / "a.tar", arrays)
    data = (tmp_path / "a.tar").read_bytes()
    for key, array in arrays.items():
        found = np.frombuffer(data, np.float16, array.size, offsets[key]).reshape(array.shape)
        np.testing.assert_array_equal(found, array)
        assert offsets[key] % 64 == 0


def test_plain_webdataset_reads_it(tmp_path, arrays):
    write(tmp_path / "a.tar", arrays)
    samples = list(webdataset.WebDataset(str(tmp_path / "a.tar"), shardshuffle=False).decode())
    assert [sample["__key__"] for sample in samples] == list(arrays)
    for sample in samples:
        np.testing.assert_array_equal(sample["npy"], arrays[sample["__key__"]])
        assert sample["json"] == {"age": "teens"}


def test_the_same_members_give_the_same_bytes(tmp_path, arrays):
    write(tmp_path / "a.tar", arrays)
    write(tmp_path / "b.tar", arrays)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_its_size_follows_from_where_its_last_member_ends(tmp_path):
    """As with tarfile, which pads to records of 20 blocks."""
    for size in range(0, 40_000, 997):
        with ShardWriter(tmp_path / "a.tar") as shard:
            end = shard.add("a.npy", bytes(size)) + size
        with tarfile.open(tmp_path / "b.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            member = tarfile.TarInfo("a.npy")
            member.size = size
            tar.addfile(member, io.BytesIO(bytes(size)))
        written, expected = ((tmp_path / name).stat().st_size for name in ("a.tar", "b.tar"))
        assert closed_size(end) == written == expected


def test_an_error_leaves_no_shard(tmp_path):
    with pytest.raises(RuntimeError), ShardWriter(tmp_path / "a.tar") as shard:
        shard.add("a.mp3", b"data")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_reads_back_what_was_written(tmp_path):
    with ShardWriter(tmp_path / "a.tar") as shard:
        shard.add("a.mp3", b"one")
        shard.add("b.mp3", b"")
    assert list(read_shard(tmp_path / "a.tar")) == [("a.mp3", b"one"), ("b.mp3", b"")]
