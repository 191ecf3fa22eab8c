"""Do tables, plan and pack always succeed or fail with one line, however broken an archive is?"""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.attacks.damage import Random, any_of, damage
from benchmarks.attacks.siege import Input, arguments, besiege
from features.front_end import Reading
from features.front_ends.opening import describe
from pipeline.corpus.archive import LARGEST_CLIP
from pipeline.corpus.corpora import open_corpora
from pipeline.pack import merge_lists, pack
from pipeline.running.disk_space import measure
from pipeline.stage import UserError
from pipeline.tables import copy_tables

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
CLIPS = 8
TYPES = [bytes([kind]) for kind in b"0\x001234567DKLMNSVXgx?"]
SIZES = [0, 1, 511, 512, 513, 2**20, LARGEST_CLIP, LARGEST_CLIP + 1, 2**31, 2**33 - 1, 2**40, 2**62, -1, -512, -(2**62)]
NAMES = [b"", b".", b"..", b"/", b"../../outside/evil.tsv", b"x/clips/..", b"x/clips/0.mp3", b"x/validated.tsv"]
NAMES += [b"\xff.tsv", b"\x1b[2J.tsv", b"a\nb.tsv", b"con\r.tsv", b"._validated.tsv", "é".encode() * 49, b"x" * 100]
LOGMEL = {"n_mels": 64, "window": 0.025, "hop": 0.010, "f_min": 20, "f_max": 7600}
FRONT_END = describe("logmel", Reading(16000, 40, 0.5, 60), LOGMEL)

CORPUS, TABLES, PACKED = Path("data/corpus"), Path("data/tables"), Path("data/clips")

Files = list[tuple[bytearray, bytes]]  # header and content of each


def release(rng: Random) -> Files:
    """The files of a small release."""
    rows = "".join(f"speaker{number}\t{number}.mp3\tA sentence.\n" for number in range(CLIPS))
    files = {"x/validated.tsv": b"client_id\tpath\tsentence\n" + rows.encode(), "x/README.md": b"beside\n"}
    files |= {f"x/clips/{number}.mp3": rng.bytes(int(rng.integers(3000))) for number in range(CLIPS)}
    return [file(name.encode(), content) for name, content in files.items()]


def file(name: bytes, content: bytes = b"", kind: bytes = b"0", size: int | None = None) -> tuple[bytearray, bytes]:
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    header[:100] = name[:100].ljust(100, b"\0")
    header[156:157] = kind
    return resized(header, len(content) if size is None else size), content


def resized(header: bytearray, size: int) -> bytearray:
    header[124:136] = b"%011o\0" % size if 0 <= size < 8**11 else (size % 256**12 | 0x80 << 88).to_bytes(12, "big")
    return header


def joined(files: Files) -> bytes:
    """The tar of these files, with correct header checksums."""
    parts = []
    for header, content in files:
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        parts += [header, content, bytes(-len(content) % BLOCK)]
    return b"".join(parts) + END


def edit_header(files: Files, rng: Random, outside: Path) -> None:
    """Change the size, type, name or any byte of a header."""
    header = any_of(rng, files)[0]
    match rng.integers(4):
        case 0:
            resized(header, any_of(rng, SIZES))
        case 1:
            header[156:157] = any_of(rng, TYPES)
        case 2:
            header[:100] = any_of(rng, [*NAMES, bytes(outside / "evil.tsv")])[:100].ljust(100, b"\0")
        case 3:
            header[rng.integers(BLOCK)] = rng.integers(256)


def add_records(files: Files, rng: Random, outside: Path) -> None:
    """Add a long name or a PAX header, valid or not."""
    name = any_of(rng, [*NAMES, bytes(outside / "evil.tsv"), b"long/" * 900 + b"validated.tsv", b"x" * 300 + b".tsv"])
    values = [b"%d" % any_of(rng, SIZES), b"many", b"", b"9" * 4000, name, name + b"\0.tsv"]
    keywords = [b"path", b"size", b"linkpath", b"hdrcharset", b"mtime", b"GNU.sparse.major", b"GNU.sparse.map"]
    record = b" " + any_of(rng, keywords) + b"=" + any_of(rng, values) + b"\n"
    length = any_of(rng, [len(record) + len(str(len(record) + 3)), len(record), 0, -1, 10**6])
    bodies = [b"%d" % length + record, name + b"\0", b"9" * 60_000, bytes(2**20), rng.bytes(200)]
    body = any_of(rng, bodies)
    size = any_of(rng, [len(body), any_of(rng, SIZES)])
    header, _ = file(b"././@LongLink", body, any_of(rng, [b"L", b"K", b"x", b"g", b"X"]), size)
    times = any_of(rng, [1, 2, 3000 if len(body) < BLOCK else 3])
    place = rng.integers(len(files) + 1)
    files[place:place] = [(bytearray(header), body) for _ in range(times)]


def add_files(files: Files, rng: Random, outside: Path) -> None:
    """Add a file again, a link, a device, a pipe, a folder, a sparse file, or a huge one of zeros."""
    name = any_of(rng, [b"x/validated.tsv", b"x/clips/0.mp3", b"x/new.tsv", bytes(outside / "evil.tsv")])
    link = file(name, b"", any_of(rng, [b"1", b"2"]))
    link[0][157:257] = any_of(rng, [name, bytes(outside), b"../../outside"])[:100].ljust(100, b"\0")
    sparse = file(name, bytes(BLOCK), b"S")
    sparse[0][386:482] = b"".join(b"%011o\0" % int(rng.integers(8**11)) for _ in range(8))
    sparse[0][482:495] = bytes([rng.integers(2)]) + b"%011o\0" % any_of(rng, [2**30, 8**11 - 1])
    twice = any_of(rng, files)
    others = [
        [(bytearray(twice[0]), twice[1])] * any_of(rng, [1, 5000 if len(twice[1]) < BLOCK else 3]),
        [link, file(name + b"/evil.tsv", b"evil")],
        [file(name, b"", any_of(rng, [b"3", b"4", b"5", b"6"]), any_of(rng, [0, 512, 2**40]))],
        [sparse],
        [file(name, bytes(any_of(rng, [2**20, LARGEST_CLIP, LARGEST_CLIP + 1])))],
        [file(name, b"", b"0", 2**40)],
    ]
    place = rng.integers(len(files) + 1)
    files[place:place] = any_of(rng, others)


def damage_blocks(data: bytes, rng: Random) -> bytes:
    """Put zeros between two files or in place of a header, or bytes after the end, or do any other damage."""
    place = rng.integers(len(data) // BLOCK) * BLOCK
    zeros = bytes(any_of(rng, [BLOCK, 2 * BLOCK]))
    behind = any_of(rng, [b"x", rng.bytes(70_000), bytes(10**7), data])
    more = [data[:place] + zeros + data[place:], data[:place] + zeros + data[place + BLOCK :], data + behind]
    return any_of(rng, [damage(data, rng), *more])


def inputs(outside: Path, tars: int, gzips: int, seed: int) -> Iterator[Input]:
    compress = partial(gzip.compress, compresslevel=1, mtime=0)
    for number in range(tars):
        rng = np.random.default_rng([seed, number])
        files = release(rng)
        for change in (edit_header, add_records, add_files):
            if rng.integers(2):
                change(files, rng, outside)
        data = joined(files)
        if rng.integers(3) == 0:
            data = damage_blocks(data, rng)
        yield f"tar {number} of seed {seed}", partial(attempt, any_of(rng, [bytes, compress])(data))
    for number in range(gzips):
        rng = np.random.default_rng([seed, number, 1])
        data = any_of(rng, [compress, compress, bz2.compress, lzma.compress])(joined(release(rng)))
        yield (
            f"gzip {number} of seed {seed}",
            partial(
                attempt, any_of(rng, [damage(data, rng), data + any_of(rng, [b"x", bytes(700), b"garbage", data])])
            ),
        )


def attempt(data: bytes) -> None:
    """Run tables, plan and pack on an archive. Raises UserError if one of them refuses it."""
    for folder in (TABLES, PACKED):
        folder.mkdir()
    CORPUS.write_bytes(data)
    keys, refused = {f"{number}.mp3": f"{number}" for number in range(CLIPS)}, []
    for stage in (
        lambda: copy_tables(open_corpora(CORPUS)[0], TABLES),
        lambda: measure(open_corpora(CORPUS)[0].any_clips(), FRONT_END, seconds=0.1),
        lambda: pack(open_corpora(CORPUS)[0], keys, PACKED, CLIPS),
        lambda: merge_lists(PACKED),
    ):
        try:
            stage()
        except UserError as error:
            refused.append(error)
    if refused:
        raise refused[0]


if __name__ == "__main__":
    chosen = arguments(__doc__, tars=500, gzips=120, seed=0)
    besiege(partial(inputs, tars=chosen.tars, gzips=chosen.gzips, seed=chosen.seed), "archives")
