"""Data: batches of features: random crops for training, all windows of each clip for judging."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from features.store import Store
from models.hardware import Hardware
from models.learning.finite import not_finite
from models.learning.resident import Resident
from models.recipe import Recipe
from models.windows import window_starts


class CropSampler(Sampler):
    """Batches of random crops: arrays `rows` and `starts`. Over all ranks, an epoch has as many crops as there are
    clips.

    Each clip comes once; or, if `groups` and `speakers` are given, groups and the speakers in them come equally often
    (see `even_draw`). The order and the crops follow from (seed, epoch) alone. Every rank gets the same number of
    batches, and their sizes differ by one at most.
    """

    def __init__(
        self,
        rows: np.ndarray,  # of the clips in the store
        lengths: np.ndarray,  # their frames
        frames: int,  # of a crop
        recipe: Recipe,
        rank: int = 0,
        ranks: int = 1,
        epoch: int = 0,
        groups: np.ndarray | None = None,  # the number of each clip's group
        speakers: np.ndarray | None = None,  # and of its speaker
    ):
        self.groups, self.speakers = groups, speakers
        self.rows, self.lengths = rows, lengths
        self.frames, self.seed = frames, recipe.seed
        self.mine = slice(rank, None, ranks)
        self.batches = -(-len(rows) // (recipe.batch_size * ranks))
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        random = np.random.default_rng([self.seed, self.epoch])
        is_even = self.speakers is not None
        order = even_draw(random, self.groups, self.speakers) if is_even else random.permutation(len(self.rows))
        room = np.maximum(self.lengths[order] - self.frames, 0)
        starts = random.integers(room, endpoint=True)
        yield from zip(
            np.array_split(self.rows[order][self.mine], self.batches),
            np.array_split(starts[self.mine], self.batches),
            strict=True,
        )


def even_draw(random: np.random.Generator, groups: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """As many draws as there are clips, equally many from each group and, within it, from each speaker; a speaker's
    clips take turns.

    Shape: (clips,) each clip's group number and speaker number → (clips,) positions in these arrays.
    """
    count, draws = len(groups), []
    present = np.unique(groups)
    for group, share in zip(present, np.array_split(np.arange(count), len(present)), strict=True):
        members = random.permutation(np.flatnonzero(groups == group))
        members = members[np.argsort(speakers[members], kind="stable")]
        _, first, clips = np.unique(speakers[members], return_index=True, return_counts=True)
        rounds = -(-len(share) // len(first))
        voices = np.concatenate([random.permutation(len(first)) for _ in range(rounds)])[: len(share)]
        turns = np.arange(len(share)) // len(first)
        draws.append(members[first[voices] + turns % clips[voices]])
    return random.permutation(np.concatenate(draws))


class Crops(Dataset):
    """Crops of clips, a whole batch per item: features (batch, frames, values) float16, targets (batch,) int64."""

    def __init__(self, store: Store, target_of_row: np.ndarray, frames: int):
        self.store, self.target_of_row, self.frames = store, target_of_row, frames

    def __getitem__(self, batch: tuple[np.ndarray, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        rows, starts = batch
        features = torch.from_numpy(self.store.crops(rows, starts, self.frames))
        return features, torch.from_numpy(self.target_of_row[rows])


class Places(Dataset):
    """Where crops are, for features kept on the device: rows, starts and targets, (batch,) int64 each."""

    def __init__(self, target_of_row: np.ndarray):
        self.target_of_row = target_of_row

    def __getitem__(self, batch: tuple[np.ndarray, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rows, starts = batch
        return torch.from_numpy(rows), torch.from_numpy(starts), torch.from_numpy(self.target_of_row[rows])


class Windows(Dataset):
    """Whole clips, as windows side by side, `batch_size` clips per item.

    Features (windows, frames, values) float16, each window's clip in the batch (windows,), targets (batch,).
    """

    def __init__(self, store: Store, rows: np.ndarray, targets: np.ndarray, frames: int, batch_size: int):
        self.store, self.frames = store, frames
        parts = max(1, -(-len(rows) // batch_size))
        self.batches = list(zip(np.array_split(rows, parts), np.array_split(targets, parts), strict=True))

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rows, targets = self.batches[number]
        starts = [window_starts(length, self.frames) for length in self.store.frames[rows].tolist()]
        clip = np.repeat(np.arange(len(rows)), [len(each) for each in starts])
        features = self.store.crops(rows[clip], np.concatenate(starts), self.frames)
        return torch.from_numpy(features), torch.from_numpy(clip), torch.from_numpy(targets)


def loader(batches: Dataset, sampler: Sampler | None = None, workers: int = 0) -> DataLoader:
    """Serves whole batches as they are made, pinned if a GPU waits for them."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=workers > 0,
    )


def normalisation(store: Store, rows: np.ndarray, most: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each mel band over the frames of these clips, at most `most` of them, evenly
    chosen.

    Shape: (values,), (values,) float32. Raises StoreError if features are not finite.
    """
    rows = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
    with np.errstate(invalid="ignore"):
        mean, deviation = band_statistics(store.clip(row) for row in rows)
    if not np.isfinite([mean, deviation]).all():
        bad = [row for row in rows if not np.isfinite(store.clip(row)).all()]
        raise not_finite(store.folder, store.keys(bad))
    return mean, deviation


def band_statistics(clips: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each mel band over all frames. Shape: (frames, values) each → (values,) twice."""
    count, total, squares = 0, 0.0, 0.0
    for features in clips:
        clip = features.astype(np.float64)
        count, total, squares = count + len(clip), total + clip.sum(0), squares + (clip**2).sum(0)
    mean = total / count
    return mean.astype(np.float32), np.sqrt(np.maximum(squares / count - mean**2, 1e-6)).astype(np.float32)


class VoiceData(LightningDataModule):
    """The train and val batches of a store, for as many ranks as the trainer has.

    `rows` and `targets` hold the clips' rows in the store and their group numbers, for train and for val. With
    `speakers`, the speaker number of each train clip, groups and speakers are drawn evenly. Train's features are kept
    on the device if the hardware holds them; else batches are read from the shards. A resumed run sets `first_epoch`:
    Lightning fetches its first batch before it tells the sampler the epoch.
    """

    first_epoch = 0

    def __init__(
        self,
        store: Store,
        rows: dict[str, np.ndarray],
        targets: dict[str, np.ndarray],
        recipe: Recipe,
        hardware: Hardware,
        speakers: np.ndarray | None = None,
    ):
        super().__init__()
        self.store, self.rows, self.targets, self.recipe, self.hardware = store, rows, targets, recipe, hardware
        self.speakers, self.resident = speakers, None
        self.frames = recipe.frames(store.front_end.hop)  # of a crop
        self.sampler: CropSampler | None = None
        self.windows: Windows | None = None

    def train_dataloader(self) -> DataLoader:
        recipe, rows = self.recipe, self.rows["train"]
        target_of_row = np.full(len(self.store), -1)
        target_of_row[rows] = self.targets["train"]
        rank, ranks = self.trainer.global_rank, self.trainer.world_size
        who = (self.targets["train"], self.speakers)
        sampler = CropSampler(rows, self.store.frames[rows], self.frames, recipe, rank, ranks, self.first_epoch, *who)
        self.sampler = sampler
        if not self.hardware.holds(self.store.frames[rows].sum() * self.store.values * 2):
            crops = Crops(self.store, target_of_row, self.frames)
            return loader(crops, sampler, self.hardware.loader_workers)
        self.resident = Resident(self.store, rows, self.trainer.strategy.root_device)
        return loader(Places(target_of_row), sampler)

    def on_after_batch_transfer(self, batch: tuple[torch.Tensor, ...], number: int) -> tuple[torch.Tensor, ...]:
        """Gather train's crops if its features are on the device."""
        if self.resident is None or not self.trainer.training:
            return batch
        rows, starts, targets = batch
        return self.resident.crops(rows, starts, self.frames), targets

    def val_dataloader(self) -> DataLoader:
        mine = slice(self.trainer.global_rank, None, self.trainer.world_size)
        rows, targets = self.rows["val"][mine], self.targets["val"][mine]
        self.windows = Windows(self.store, rows, targets, self.frames, self.recipe.batch_size)
        return loader(self.windows, workers=self.hardware.loader_workers)

    def keys_of(self, part: str, number: int) -> list[str]:
        """The clips in a batch of train in this epoch, or of val."""
        batches = self.sampler if part == "train" else self.windows.batches
        rows, _ = next(islice(batches, number, None))
        return self.store.keys(rows)
