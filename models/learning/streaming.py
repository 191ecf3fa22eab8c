"""Streaming: the shards of a store, read over the network by webdataset, for a store that no local disk can hold."""

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count, islice, repeat

import numpy as np
import torch
import webdataset
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, IterableDataset
from webdataset.shardlists import expand_urls

from features.store import StoreError
from models.learning.data import band_statistics, loader
from models.learning.finite import not_finite
from models.recipe import Recipe
from models.windows import windows_of

SHARDS_MIXED, CLIPS_MIXED = 100, 2000  # how many of them are held for shuffling
REPEATS = 2**31  # instead of a worker's number, so that repeats are not drawn as crops are


class Clips(IterableDataset):
    """The clips in `source` that `target_of` names: features (frames, values) float16, target.

    `source` is anything that webdataset opens, braces included. Shards are split between ranks and workers. With a
    `seed`, shards and clips are shuffled by it, and repeat without end; with `weight_of`, each clip comes that often in
    a pass, on average. Raises StoreError if the stream cannot be read.
    """

    def __init__(
        self,
        source: str,
        target_of: Mapping[str, int],
        seed: int | None = None,
        weight_of: Mapping[str, float] | None = None,
    ):
        self.source, self.target_of, self.seed, self.weight_of = source, target_of, seed, weight_of

    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        is_shuffled = self.seed is not None
        shards = webdataset.WebDataset(
            self.source,
            shardshuffle=SHARDS_MIXED if is_shuffled else False,
            seed=self.seed,
            nodesplitter=webdataset.split_by_node,
            select_files=lambda name: name.endswith(".npy"),
            empty_check=False,
        )
        samples = self.shuffled(shards) if is_shuffled else shards
        wanted = (sample for sample in samples if sample["__key__"] in self.target_of)
        try:
            for sample in wanted:
                features = np.load(io.BytesIO(sample["npy"]), allow_pickle=False)
                if not np.isfinite(features).all():
                    raise not_finite(self.source, [sample["__key__"]])
                yield features, self.target_of[sample["__key__"]]
        except (OSError, tarfile.TarError) as error:
            raise StoreError(f"{self.source}: {' '.join(str(error).split())}") from error

    def shuffled(self, shards: webdataset.WebDataset) -> Iterable[dict]:
        if self.weight_of is None:
            return shards.repeat().shuffle(CLIPS_MIXED, seed=self.seed)
        mixed, random = webdataset.shuffle(CLIPS_MIXED, seed=self.seed), np.random.default_rng([self.seed, REPEATS])
        return chain.from_iterable(mixed(repeated(shards, self.weight_of, random)) for _ in count())


def repeated(samples: Iterable[dict], weight_of: Mapping[str, float], random: np.random.Generator) -> Iterator[dict]:
    """Each sample as often as its weight says, on average: the whole number below the weight, or the one above."""
    for sample in samples:
        yield from repeat(sample, int(weight_of.get(sample["__key__"], 0) + random.random()))


def even_weights(groups: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Weights, 1 on average, that make groups, and the speakers in each, come equally often, as in `even_draw`.

    Shape: (clips,) each clip's group number and speaker number → (clips,) float64.
    """
    base = speakers.max() + 1
    pairs, pair, clips = np.unique(groups * base + speakers, return_inverse=True, return_counts=True)
    voices = np.bincount(pairs // base)  # in each group
    return len(groups) / (np.count_nonzero(voices) * voices[groups] * clips[pair])


class StreamedCrops(IterableDataset):
    """Random crops, `batches` in an epoch, a whole batch per item, as from `Crops`."""

    def __init__(self, clips: Clips, frames: int, batch_size: int, batches: int):
        self.clips, self.frames, self.batch_size, self.batches = clips, frames, batch_size, batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        worker = torch.utils.data.get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        random = np.random.default_rng([self.clips.seed, number])
        clips = iter(self.clips)
        for _ in range(number, self.batches, workers):
            batch = list(islice(clips, self.batch_size))
            crops = [crop(features, random, self.frames) for features, _ in batch]
            yield torch.from_numpy(np.stack(crops)), torch.tensor([target for _, target in batch])


class StreamedWindows(IterableDataset):
    """Whole clips, each once, as windows side by side, `batch_size` clips per item, as from `Windows`."""

    def __init__(self, clips: Clips, frames: int, batch_size: int):
        self.clips, self.frames, self.batch_size = clips, frames, batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        clips = iter(self.clips)
        while batch := list(islice(clips, self.batch_size)):
            windows = [windows_of(features, self.frames) for features, _ in batch]
            clip = np.repeat(np.arange(len(batch)), [len(each) for each in windows])
            targets = torch.tensor([target for _, target in batch])
            yield torch.from_numpy(np.concatenate(windows)), torch.from_numpy(clip), targets


def crop(features: np.ndarray, random: np.random.Generator, frames: int) -> np.ndarray:
    """A random crop; a shorter clip is repeated up to the length. Shape: (any, values) → (frames, values)."""
    if len(features) < frames:
        return np.resize(features, (frames, features.shape[1]))
    start = random.integers(len(features) - frames, endpoint=True)
    return features[start : start + frames]


def streamed_normalisation(clips: Clips, most: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each mel band over the first `most` clips of a stream. Shape: (values,) twice."""
    first = [features for features, _ in islice(clips, most)]
    if not first:
        raise StoreError(f"{clips.source} has none of the clips in the split")
    return band_statistics(first)


class StreamedData(LightningDataModule):
    """The train and val batches of a stream; an epoch is as many crops as there are train clips.

    `target_of` holds the group number of each clip by its key, for train and for val; `weight_of`, how often each train
    clip comes in an epoch, if not once.
    """

    first_epoch = 0

    def __init__(
        self,
        source: str,
        target_of: dict[str, Mapping[str, int]],
        frames: int,  # of a crop
        recipe: Recipe,
        workers: int = 0,
        weight_of: Mapping[str, float] | None = None,
    ):
        super().__init__()
        self.source, self.target_of, self.recipe, self.workers = source, target_of, recipe, workers
        self.frames, self.weight_of = frames, weight_of

    def train_dataloader(self) -> DataLoader:
        recipe, epoch = self.recipe, max(self.first_epoch, self.trainer.current_epoch)
        seed = int(np.random.default_rng([recipe.seed, epoch]).integers(2**31))
        shards, readers = len(expand_urls(self.source)), self.trainer.world_size * max(1, self.workers)
        if shards < readers:
            raise StoreError(f"{self.source} has {shards} shards, too few for {readers} devices × loader workers")
        clips = Clips(self.source, self.target_of["train"], seed, self.weight_of)
        batches = -(-len(clips.target_of) // (recipe.batch_size * self.trainer.world_size))
        return loader(StreamedCrops(clips, self.frames, recipe.batch_size, batches), None, self.workers)

    def keys_of(self, part: str, number: int) -> list[str]:
        """Empty: a stream does not say which clips a batch was made of, and refuses those that are not finite."""
        return []

    def val_dataloader(self) -> DataLoader:
        clips = Clips(self.source, self.target_of["val"])
        return loader(StreamedWindows(clips, self.frames, self.recipe.batch_size), None, self.workers)
