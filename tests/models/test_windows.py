import numpy as np
import torch

from models.learning.classifier import clip_probabilities
from models.windows import mean_probabilities, windows_of


def test_windows_cover_a_clip_and_a_short_one_is_repeated():
    clip = np.arange(50)[:, None].repeat(2, axis=1)
    windows = windows_of(clip, 20)
    assert windows.shape == (3, 20, 2)
    assert set(windows[:, :, 0].ravel()) == set(range(50))
    assert windows_of(clip[:8], 20)[0, :, 0].tolist() == [*range(8), *range(8), *range(4)]


def test_mean_probabilities_agree_with_torch():
    logits = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32) * 5
    by_torch = clip_probabilities(torch.from_numpy(logits), torch.tensor([0, 1, 1, 1, 2, 2, 3]), 4)
    np.testing.assert_allclose(mean_probabilities(logits, [1, 3, 2, 1]), by_torch.numpy(), atol=1e-6)
