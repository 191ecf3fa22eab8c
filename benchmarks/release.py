"""Release: a table of the size of English 8.0's validated.tsv, with made-up speakers."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

ROWS, SPEAKERS = 1_530_385, 79_398
AGES = ["", "teens", "twenties", "thirties", "fourties", "fifties", "sixties", "seventies", "eighties", "nineties"]
AGE_SHARES = [0.37, 0.06, 0.24, 0.13, 0.09, 0.05, 0.04, 0.015, 0.004, 0.001]
GENDERS, GENDER_SHARES = ["", "male", "female", "other"], [0.37, 0.46, 0.15, 0.02]
WORDS = np.array(
    "the of river and a stone to in bridge was letter old by night for ferry with garden on harbour".split()  # noqa: SIM905
)


def write_release(path: Path, rows: int = ROWS, speakers: int = SPEAKERS, seed: int = 0) -> None:
    """Write a validated.tsv: clips per speaker are long-tailed, ages and genders about as in the real one."""
    random = np.random.default_rng(seed)
    clips = 1 + random.multinomial(rows - speakers, shares(random.pareto(1.1, speakers)))
    voice = random.permutation(np.repeat(np.arange(speakers), clips))
    client = np.array([hashlib.sha512(f"{seed}/{number}".encode()).hexdigest() for number in range(speakers)])
    age = random.choice(AGES, speakers, p=AGE_SHARES)
    gender = random.choice(GENDERS, speakers, p=GENDER_SHARES)
    words = random.choice(WORDS, (rows, 9))
    table = {
        "client_id": pa.array(client).take(pa.array(voice)),
        "path": [f"common_voice_en_{number}.mp3" for number in random.permutation(rows) + 10_000_000],
        "sentence": [" ".join(sentence) for sentence in words.tolist()],
        "up_votes": random.integers(2, 5, rows),
        "down_votes": random.integers(0, 2, rows),
        "age": pa.array(age).take(pa.array(voice)),
        "gender": pa.array(gender).take(pa.array(voice)),
        "accents": [""] * rows,
        "locale": ["en"] * rows,
        "segment": [""] * rows,
    }
    options = pacsv.WriteOptions(delimiter="\t", quoting_style="none", include_header=False)
    with path.open("wb") as file:
        file.write("\t".join(table).encode() + b"\n")
        pacsv.write_csv(pa.table(table), file, options)


def shares(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum()


if __name__ == "__main__":
    write_release(Path(sys.argv[1]))
