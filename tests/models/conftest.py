import numpy as np
import pytest

from features.index import write_index
from features.shard import ShardWriter, shard_name
from features.store import Store
from models.recipe import Masks, Recipe


@pytest.fixture(scope="module")
def store(tmp_path_factory, front_end) -> Store:
    """60 clips of 20 to 79 frames in three shards; the loud band shows the clip's group, row % 3."""
    folder = tmp_path_factory.mktemp("store")
    random = np.random.default_rng(0)
    rows = []
    for number in range(3):
        with ShardWriter(folder / shard_name(number)) as shard:
            for row in range(20 * number, 20 * number + 20):
                clip = random.standard_normal((20 + row, 64))
                clip[:, 20 * (row % 3) : 20 * (row % 3) + 20] += 1
                offset = shard.add_array(f"clip{row}.npy", clip.astype(np.float16))
                place = {"key": f"clip{row}", "shard": shard_name(number), "offset": offset, "frames": len(clip)}
                facts = {"seconds": 1.0, "sample_rate": 48000, "channels": 1, "loudness": -20.0, "flags": ""}
                rows.append(place | facts)
    write_index(folder, rows, front_end)
    return Store(folder)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    masks = Masks(time_masks=1, time_width=4, band_masks=1, band_width=4)
    return Recipe(
        crop=0.30,
        batch_size=8,
        max_epochs=6,
        patience=4,
        monitor="val_loss",
        loss="cross_entropy",
        learning_rate=0.003,
        weight_decay=0.01,
        gradient_norm=1.0,
        accumulate=1,
        spec_augment=masks,
        seed=0,
    )
