"""Architectures: all in models/architectures/ keep one contract."""

from pathlib import Path

import pytest
import torch
import yaml

from models.architectures import ARCHITECTURES
from models.architectures.build import build_network
from models.architectures.cepstral import Cepstral
from models.architectures.tcn import TCN

SETTINGS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["architectures"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_contract(name):
    net = build_network(name, SETTINGS[name], values=64, frames=200, groups=6)
    assert net(torch.zeros(3, 64, 200)).shape == (3, 6)
    assert build_network(name, SETTINGS[name], values=40, frames=50, groups=2)(torch.zeros(2, 40, 50)).shape == (2, 2)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_one_step_lowers_the_loss(name):
    torch.manual_seed(0)
    net = build_network(name, SETTINGS[name], values=16, frames=32, groups=3).eval()  # without dropout, to compare
    features, targets = torch.randn(12, 16, 32), torch.arange(12) % 3
    optimizer = torch.optim.SGD(net.parameters(), 1e-2)
    before = torch.nn.functional.cross_entropy(net(features), targets)
    before.backward()
    optimizer.step()
    assert torch.nn.functional.cross_entropy(net(features), targets) < before


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_learns_32_clips_by_heart(name):
    """Noise with a random group each: only memory helps."""
    torch.manual_seed(0)
    net = build_network(name, SETTINGS[name], values=16, frames=32, groups=3)
    features, targets = torch.randn(32, 16, 32), torch.randint(3, (32,))
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    for step in range(400):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net.train()(features), targets).backward()
        optimizer.step()
        if step % 10 == 9:
            with torch.no_grad():
                right = (net.eval()(features).argmax(dim=1) == targets).float().mean()
            if right == 1:
                return
    pytest.fail(f"{right:.0%} after 400 steps")


def test_all_in_params_are_there():
    assert list(SETTINGS) == list(ARCHITECTURES)


def test_cepstral_ignores_how_loud_a_clip_is():
    net = Cepstral(values=16, frames=32, groups=2, cepstra=8, lags=[1, 4]).eval()
    torch.nn.init.normal_(net.classify[1].weight)
    clip = torch.randn(2, 16, 32)
    torch.testing.assert_close(net(clip + 3), net(clip))
    assert not torch.allclose(net(2 * clip), net(clip))


def test_cepstral_starts_with_all_groups_equally_likely():
    net = Cepstral(values=16, frames=32, groups=3, cepstra=8, lags=[1])
    assert (net(torch.randn(4, 16, 32)).softmax(dim=1) == 1 / 3).all()


def test_the_tcn_hears_the_whole_crop():
    torch.manual_seed(0)
    net = TCN(values=8, frames=100, groups=2, channels=32, kernel=3, dropout=0)
    assert net.receptive_field >= 100
    crop = torch.randn(1, 8, 100, requires_grad=True)
    net.blocks(crop)[0, :, 50].sum().backward()
    assert (crop.grad.abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize(
    ("name", "wrong", "named"),
    [
        ("cnn", {"channels": [8, 8]}, "cnn.channels"),
        ("cnn", {"dropout": 1.0}, "cnn.dropout is 1.0"),
        ("rnn", {"hidden": 0}, "rnn.hidden is 0"),
        ("rnn", {"hidden": 10**9}, "rnn.hidden is 1000000000: it should be less than or equal to 4096"),
        ("rnn", {"layers": 65}, "rnn.layers is 65: it should be less than or equal to 64"),
        ("cnn", {"channels": [8, 8, 4097]}, "cnn.channels.2 is 4097"),
        ("tcn", {"kernel": 4}, "tcn.kernel is 4"),
        ("crnn", {"channels": [4] * 7}, "crnn.channels has 7"),
        ("ecapa", {"scale": 5}, "ecapa.scale is 5"),
        ("resnet", {"channels": [8]}, "resnet.channels"),
        ("conformer", {"heads": 5}, "conformer.heads is 5"),
        ("conformer", {"kernel": 4}, "conformer.kernel is 4"),
        ("cepstral", {"lags": [1, 200]}, "cepstral.lags has 200"),
        ("bigru", {"hiden": 8}, "it takes hidden, layers, dropout"),
    ],
)
def test_wrong_settings_are_named(name, wrong, named):
    with pytest.raises(ValueError, match=named.replace(".", r"\.")):
        build_network(name, SETTINGS[name] | wrong, values=64, frames=200, groups=6)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(("values", "frames"), [(256, 1), (256, 3), (3, 100), (1, 1), (11, 11)])
def test_any_features_are_taken_or_refused_in_a_line(name, values, frames):
    try:
        net = build_network(name, SETTINGS[name], values=values, frames=frames, groups=6)
    except ValueError as refused:
        assert str(refused).startswith(f"{name}.")
        assert (values, frames) != (11, 11)
    else:
        assert net.eval()(torch.randn(2, values, frames)).isfinite().all()


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(ValueError, match="cnn, rnn, bigru, tcn"):
        build_network("vgg", {}, values=64, frames=200, groups=6)
