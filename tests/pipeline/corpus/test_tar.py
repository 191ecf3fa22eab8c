import io
import tarfile

import numpy as np
import pytest

from pipeline.corpus.tar import LONGEST_RECORDS, ByteStream, members
from pipeline.stage import UserError

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
FILES = {
    "release/clips/1.mp3": b"one",
    "release/clips/2.mp3": b"",
    "release/clips/é声.mp3": b"z" * BLOCK,
    "release/" + "long/" * 60 + "é" * 60 + ".mp3": b"z" * (5 * BLOCK + 1),
    "/absolute/../validated.tsv": b"client_id\tpath\n" * 1000,
    "caf\udce9.mp3": b"a name in Latin-1",
}


def header(name: str = "a.mp3", size: int = 0, **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def pax(*records: bytes) -> bytes:
    data = b"".join(records)
    return header("pax", len(data), type=tarfile.XHDTYPE) + padded(data)


def record(keyword: bytes, value: bytes) -> bytes:
    rest = b" " + keyword + b"=" + value + b"\n"
    length = next(length for length in range(len(rest) + 1, len(rest) + 9) if length == len(b"%d" % length + rest))
    return b"%d" % length + rest


def read(tar: bytes) -> dict[str, bytes]:
    return {str(member.path): member.read() for member in members(ByteStream(io.BytesIO(tar), "x.tar is not whole"))}


@pytest.fixture(scope="module", params=[tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def tar(request) -> bytes:
    """FILES among what else a tar may hold, as Python's own tarfile writes it."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=request.param, errors="surrogateescape") as file:
        for number, (name, content) in enumerate(FILES.items()):
            if len(name) > 200 and request.param == tarfile.USTAR_FORMAT:
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
            for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
                other = tarfile.TarInfo(f"other{number}")
                other.type, other.linkname = kind, "x" * 150 if request.param != tarfile.USTAR_FORMAT else "x"
                file.addfile(other)
    return data.getvalue()


def by_tarfile(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as file:
        return {member.name: file.extractfile(member).read() for member in file if member.isreg()}


def test_it_finds_the_same_files_as_tarfile(tar):
    found = by_tarfile(tar)
    assert len(found) >= len(FILES) - 1
    assert read(tar) == found


def test_the_unread_rest_of_a_file_is_skipped(tar):
    sizes = {
        str(member.path): member.size for member in members(ByteStream(io.BytesIO(tar), "")) if member.read(1) != b"?"
    }
    assert sizes == {name: len(data) for name, data in by_tarfile(tar).items()}


def test_anything_may_follow_the_end(tar):
    assert read(tar + b"x" * 12345) == by_tarfile(tar)


def test_a_cut_tar_never_passes_as_complete(tar):
    end = len(tar.rstrip(b"\0"))
    for size in [*range(0, end, 97), *range(0, end, BLOCK)]:
        with pytest.raises(UserError, match=r"x\.tar is not whole: it ends too early"):
            read(tar[:size])


def test_a_damaged_header_is_not_taken_for_the_end(tar):
    headers = [place for place in range(BLOCK, len(tar), BLOCK) if tar[place + 257 : place + 262] == b"ustar"]
    for place in headers[:-1]:  # zeros in the place of the last are an end
        for damage in (b"?", bytes(BLOCK)):
            with pytest.raises(UserError, match="is not whole"):
                read(tar[:place] + damage + tar[place + len(damage) :])


@pytest.mark.parametrize(
    ("tar", "why"),
    [
        (header(size=2**62) + bytes(BLOCK), "it ends too early"),
        (header(size=-BLOCK) + bytes(BLOCK), "bytes"),
        (header(type=tarfile.GNUTYPE_LONGNAME, size=2**62) + bytes(BLOCK), "a name of"),
        (header(type=tarfile.GNUTYPE_LONGNAME, size=-1) + bytes(BLOCK), "a name of"),
        (header(type=tarfile.XHDTYPE, size=LONGEST_RECORDS + 1) + bytes(2 * LONGEST_RECORDS), "a name of"),
        (header(type=tarfile.GNUTYPE_SPARSE, size=BLOCK), "a sparse file"),
        (pax(record(b"GNU.sparse.major", b"1")) + header() + END, "a sparse file"),
        (pax(record(b"size", b"-1")) + header() + END, "bytes"),
        (pax(record(b"size", b"many")) + header() + END, "invalid literal"),
        (pax(record(b"size", b"9" * 5000)) + header() + END, "is not whole"),
        (pax(b"0 path=x\n") + header() + END, "a wrong length"),
        (pax(b"-9 path=x\n") + header() + END, "a wrong length"),
        (pax(b"999 path=x\n") + header() + END, "a wrong length"),
        (pax(b"9" * 100_000) + header() + END, "is not whole"),
        (header() + bytes(BLOCK) + header("b.mp3") + END, "a header is missing"),
        (b"\0" * 148 + b"12345678" + bytes(356), "is not whole"),
    ],
)
def test_an_impossible_tar_is_one_line(tar, why):
    with pytest.raises(UserError, match=why) as raised:
        read(tar)
    assert "\n" not in str(raised.value)


def test_there_may_be_any_number_of_long_names():
    names = header("././@LongLink", 5, type=tarfile.GNUTYPE_LONGNAME) + padded(b"name\0")
    links = header("././@LongLink", 5, type=tarfile.GNUTYPE_LONGLINK) + padded(b"link\0")
    assert read((names + links) * 5000 + header(size=1) + padded(b"x") + END) == {"name": b"x"}


def test_names_may_contain_any_bytes():
    names = [b"", b"a\0b", b"\xff\xfe", b"..", b"/", b"x" * 9000]
    tar = b"".join(pax(record(b"path", name)) + header() for name in names) + END
    assert list(read(tar)) == [".", "a\0b", "\udcff\udcfe", "..", "/", "x" * 9000]


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bits_give_a_user_error_or_files(tar, seed):
    damaged, rng = bytearray(tar), np.random.default_rng(seed)
    for _ in range(1 + seed % 4):
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
    try:
        read(bytes(damaged))
    except UserError as error:
        assert "\n" not in str(error)
