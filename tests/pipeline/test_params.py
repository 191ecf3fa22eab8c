from pathlib import Path

import pytest
import yaml

from pipeline.params import load_params
from pipeline.stage import UserError

SETTINGS = Path("params.yaml").read_text(encoding="utf-8")


def changed(tmp_path, name, value):
    """params.yaml with one value changed; `name` is dotted."""
    settings = yaml.safe_load(SETTINGS)
    *parents, last = name.split(".")
    section = settings
    for parent in parents:
        section = section[parent]
    section[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def test_the_projects_own_are_right():
    params = load_params(Path("params.yaml"))
    assert params.model in params.architectures
    assert list(params.split.groups) == list(params.filter.groups)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("filter.balnce", "keep", "there is no filter.balnce: allowed are tables, votes, conflict"),
        ("sound.rate", 80, "there is no sound.rate: allowed are sample_rate, trim"),
        ("features", "mfcc", "features is 'mfcc': allowed are logmel, dvector, encoder"),
        ("front_ends.logmel.n_mel", 80, "front_ends.logmel.n_mel is unknown"),
        ("front_ends.logmel.n_mels", 3, "front_ends.logmel.n_mels is 3: it should be greater than or equal to 8"),
        ("recipes.logmel.spec_augment.mask", 1, "there is no recipes.logmel.spec_augment.mask: allowed are time_masks"),
        ("recipes.logmel.crop", 0, "recipes.logmel.crop is 0: it should be greater than 0"),
        ("recipes.logmel.crops", 2, "there is no recipes.logmel.crops: allowed are crop, batch_size"),
        ("recipes.logmel.crop", "long", "recipes.logmel.crop is 'long': it should be a valid number"),
        ("recipes.logmel", None, "features is 'logmel': allowed are dvector, encoder"),
        ("train.crop", 0, "train.crop is 0: it should be greater than 0"),
        ("modle", "cnn", "there is no modle: allowed are corpus, demo, filter"),
        ("filter.balance", "over", "filter.balance is 'over': it should be 'undersample' or 'keep'"),
        ("filter.clips_per_speaker", 0, "filter.clips_per_speaker is 0: it should be greater than or equal to 1"),
        ("train.learning_rate", "fast", "train.learning_rate is 'fast': it should be a valid number"),
        ("decode.max_rejects", 2, "decode.max_rejects is 2: it should be less than or equal to 1"),
        ("front_ends.logmel.f_max", 9000, "front_ends.logmel.f_min and f_max are 20.0 and 9000.0 Hz"),
        ("split.fold", 10, "split: fold is 10, but there are 10 folds: 0 to 9"),
        (
            "split.by",
            "sex",
            "by is 'sex': allowed are speaker, locale, corpus, official, clip and data/splits/NAME.csv",
        ),
        ("split.by", "/tmp/x.csv", "allowed are speaker, locale, corpus, official, clip and data/splits/NAME.csv"),  # noqa: S108
        ("split.groups.teens", ["tens"], "split: groups: tens is not an age: allowed are teens, twenties"),
        ("split.groups.teens", ["twenties"], "twenties is in more than one group"),
        ("split.groups.teens", ["12-20"], "twenties is in more than one group"),
        ("split.groups.teens", ["18-12"], "18-12 is not an age"),
        ("model", "vgg", "model is 'vgg': allowed are cnn, rnn, bigru, tcn"),
        ("compute.jobs", 0, "jobs is 0"),
        ("train", None, "train must hold crop, batch_size"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(tmp_path, name, value, message):
    with pytest.raises(UserError) as error:
        load_params(changed(tmp_path, name, value))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_setting_is_named(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SETTINGS.replace("  votes: unvalidated", "  #"))
    with pytest.raises(UserError, match=r"filter\.votes is missing"):
        load_params(path)


@pytest.mark.parametrize(("text", "message"), [("a: [", "is not YAML"), ("", "params"), ("- 1", "params")])
def test_a_file_without_settings_is_refused(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        load_params(tmp_path / "params.yaml")


def test_train_comes_before_the_recipe_of_the_front_end(tmp_path):
    of_dvector = load_params(changed(tmp_path, "features", "dvector")).train
    assert (of_dvector.crop, of_dvector.spec_augment) == (4.0, None)
    of_logmel = load_params(changed(tmp_path, "train.crop", 3.0)).train
    assert (of_logmel.crop, of_logmel.spec_augment.band_width) == (3.0, 8)


@pytest.mark.parametrize("text", ["3e-4", "3E-4", "3.e-4", "3.0e-4", "0.0003", "+3e-04"])
def test_a_number_may_be_written_in_any_way(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(SETTINGS.replace("learning_rate: 3.0e-4", f"learning_rate: {text}"))
    assert load_params(path).train.learning_rate == 0.0003


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(UserError, match="run from the root"):
        load_params(tmp_path / "params.yaml")
