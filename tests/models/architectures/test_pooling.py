import torch

from models.architectures.pooling import AttentiveStatistics, statistics


def test_even_weights_give_mean_and_deviation():
    sequence = torch.randn(4, 3, 50)
    pooled = statistics(sequence, torch.full_like(sequence, 1 / 50))
    torch.testing.assert_close(pooled[:, :3], sequence.mean(dim=2))
    torch.testing.assert_close(pooled[:, 3:], sequence.std(dim=2, correction=0))


def test_attention_weighs_frames_not_their_order():
    torch.manual_seed(0)
    pool, sequence = AttentiveStatistics(6, 4), torch.randn(2, 6, 30)
    pooled = pool(sequence)
    assert pooled.shape == (2, 12)
    torch.testing.assert_close(pool(sequence[:, :, torch.randperm(30)]), pooled)
    assert not torch.allclose(pooled[:, :6], sequence.mean(dim=2), atol=1e-3)


def test_a_constant_sequence_has_a_gradient():
    sequence = torch.ones(1, 3, 10, requires_grad=True)
    AttentiveStatistics(3, 2)(sequence).sum().backward()
    assert torch.isfinite(sequence.grad).all()
