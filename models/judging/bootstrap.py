"""Bootstrap: how far a score would move with other speakers in the test set."""

import numpy as np

LEVEL = 0.95
PARTS = 20

Sums = dict[str, np.ndarray]  # (rows, columns) each, by what is summed


class SpeakerBootstrap:
    """Samples as many *speakers* as there are, with replacement, each with all their clips.

    Resampling whole clusters keeps what a speaker's clips have in common (Davison and Hinkley 1997, section 3.8).
    Everything computed from one bootstrap uses the same samples, so differences between scores are paired.
    """

    def __init__(self, speakers: np.ndarray, seed: int = 0, resamples: int = 2000):
        names, speaker = np.unique(speakers, return_inverse=True)
        self.order = np.argsort(speaker, kind="stable")
        self.first = np.flatnonzero(np.diff(speaker[self.order], prepend=-1))
        count, random = len(names), np.random.default_rng(seed)
        self.times = np.ones((1 + resamples, count), np.uint8)  # nobody is drawn 256 times
        for sample in self.times[1:]:  # drawing all at once would take 8 bytes each, twice
            sample[:] = random.multinomial(count, np.full(count, 1 / count))

    def sums(self, summands: Sums) -> Sums:
        """The sums over all clips in row 0, then over the clips of each sample.

        Shape: (clips, columns) → (1 + resamples, columns) float64, each.
        """
        values = np.hstack(list(summands.values()))
        of_speaker = np.add.reduceat(values[self.order], self.first, axis=0, dtype=np.float64)
        of_speaker = of_speaker.astype(np.float32)
        parts = np.array_split(self.times, PARTS)  # as float32, all at once would take four times the memory
        sums = np.concatenate([part.astype(np.float32) @ of_speaker for part in parts]).astype(np.float64)
        ends = np.cumsum([each.shape[1] for each in summands.values()])
        return dict(zip(summands, np.split(sums, ends[:-1], axis=1), strict=True))


def interval(scores: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of bootstrapped scores: the score in row 0, then its value in each sample.

    A score that does not exist, such as the recall of a group without clips, is NaN and so is its interval.
    """
    if np.isnan(scores[0]):
        return np.nan, np.nan
    low, high = np.nanquantile(scores[1:], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
