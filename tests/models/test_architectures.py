"""Architectures: all in models/architectures/ keep one contract."""

import re
from pathlib import Path

import pytest
import torch
import yaml

from models.architectures import ARCHITECTURES
from models.architectures.build import build_network
from models.architectures.cepstral import Cepstral
from models.architectures.layers import Layers
from models.architectures.linear import Linear
from models.architectures.sizes import ShortCropError
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


@pytest.mark.parametrize("deviation", [True, False])
def test_layers_are_standardised_then_summed_by_their_weights(deviation):
    torch.manual_seed(0)
    scale = torch.tensor([1.0, 100.0, 10.0]).repeat_interleave(4)[:, None]
    features = scale * (1 + torch.randn(64, 12, 9))
    net = Layers(values=12, frames=9, groups=2, layers=3, deviation=deviation)
    torch.nn.init.normal_(net.weights)
    torch.nn.init.normal_(net.classify.weight)
    summed = []
    for pooled in [features.mean(dim=2), features.std(dim=2, correction=0)][: 1 + deviation]:
        standard = (pooled - pooled.mean(dim=0)) / pooled.std(dim=0, correction=0)
        weights = net.weights.exp() / net.weights.exp().sum()
        summed.append(sum(weight * standard[:, 4 * layer : 4 * layer + 4] for layer, weight in enumerate(weights)))
    torch.testing.assert_close(net(features), net.classify(torch.cat(summed, dim=1)), atol=1e-3, rtol=0)


def test_weights_of_layers_start_equal_and_are_learned():
    """The first layer tells the groups apart, the others are noise."""
    torch.manual_seed(0)
    features, targets = torch.randn(60, 12, 5), torch.arange(60) % 2
    features[:, :4] += 2 * targets[:, None, None]
    net = Layers(values=12, frames=5, groups=2, layers=3, deviation=True)
    assert (net.weights.softmax(dim=0) == 1 / 3).all()
    assert (net(features).softmax(dim=1) == 1 / 2).all()
    optimizer = torch.optim.Adam(net.parameters(), 0.1)
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(features), targets).backward()
        optimizer.step()
    weights = net.weights.softmax(dim=0)
    assert weights[0] > 2 * weights[1:].max()


def test_one_layer_is_the_linear_classifier():
    one = Layers(values=12, frames=5, groups=2, layers=1, deviation=True)
    linear = Linear(values=12, frames=5, groups=2, deviation=True)
    linear.classify = one.classify
    torch.nn.init.normal_(one.classify.weight)
    features = torch.randn(8, 12, 5)
    torch.testing.assert_close(one(features), linear(features))


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
        ("cepstral", {"lags": [1, 200]}, "cepstral needs at least 201 frames a crop"),
        ("layers", {"layers": 5}, "layers.layers is 5: it must divide the 64 values of a frame"),
        ("layers", {"layers": 0}, "layers.layers is 0"),
        ("bigru", {"hiden": 8}, "it takes hidden, layers, dropout"),
    ],
)
def test_wrong_settings_are_named(name, wrong, named):
    with pytest.raises(ValueError, match=named.replace(".", r"\.")):
        build_network(name, SETTINGS[name] | wrong, values=64, frames=200, groups=6)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(("values", "frames"), [*((256, frames) for frames in range(1, 6)), (3, 100), (1, 1), (11, 11)])
def test_any_features_are_taken_or_refused_in_a_line(name, values, frames):
    try:
        net = build_network(name, SETTINGS[name], values=values, frames=frames, groups=6)
    except ValueError as refused:
        needs = rf"{name} needs at least \d+ frames a crop"
        assert re.fullmatch(needs if values == 256 else rf"{needs}|{name}\.[^\n]+", str(refused))
        assert (values, frames) != (11, 11)
        return
    for mode in (net.train(), net.eval()):
        assert mode(torch.randn(2, values, frames)).isfinite().all()
        assert mode(torch.zeros(2, values, frames)).isfinite().all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_frames_that_are_said_to_be_needed_are_enough(name):
    """And one fewer is not; with none said, one is enough."""
    needed = 1
    try:
        build_network(name, SETTINGS[name], values=256, frames=1, groups=6)
    except ShortCropError as refused:
        needed = int(re.search(r"at least (\d+) frames", str(refused))[1])
        with pytest.raises(ShortCropError, match=f"{name} needs at least {needed} frames"):
            build_network(name, SETTINGS[name], values=256, frames=needed - 1, groups=6)
    net = build_network(name, SETTINGS[name], values=256, frames=needed, groups=6)
    features = torch.randn(2, 256, needed)
    torch.nn.functional.cross_entropy(net(features), torch.arange(2)).backward()
    assert all(each.grad.isfinite().all() for each in net.parameters())


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(ValueError, match="cnn, rnn, bigru, tcn"):
        build_network("vgg", {}, values=64, frames=200, groups=6)
