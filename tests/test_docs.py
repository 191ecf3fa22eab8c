"""The recipes of docs/data.md, word for word: each starts from what it says is at hand, and ends with a model card."""

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from tests.conftest import release_table, write_archive, write_release
from tests.pipeline.corpus.test_own import write_recordings
from tests.project import ROOT, change, run, spare_installing

RECIPE = re.compile(r"^<!-- params -->\n\n((?:    .*\n)+)\n<!-- run: (\w+) -->\n\n((?:    .*\n)+)", re.MULTILINE)
RECIPES = {name: (params, lines) for params, name, lines in RECIPE.findall((ROOT / "docs/data.md").read_text("utf-8"))}


def several(copy: Path, mp3: callable) -> None:
    for number, name in enumerate(
        re.findall(r"^    data/raw/(\S+)$", (ROOT / "docs/data.md").read_text("utf-8"), re.M)
    ):
        rows = release_table(36, 36).assign(locale=name.split(".tar")[0].split("-")[-1])
        if "delta" not in name:
            for column in ("client_id", "path"):
                rows[column] = f"{number}" + rows[column]
        clips = {path: mp3(0.6 + 0.01 * seed, seed=seed) for seed, path in enumerate(rows["path"])}
        write_archive(write_release(copy / "elsewhere" / name, rows, clips), copy / "data/raw" / name)


def own(copy: Path, mp3: callable) -> None:
    write_recordings(copy / "data/raw/mine", people=36)


@pytest.mark.parametrize(("name", "at_hand"), [("several", several), ("own", own)])
def test_a_recipe_ends_with_a_card(name, at_hand, copy, mp3):
    (copy / "data/raw").mkdir(exist_ok=True)
    at_hand(copy, mp3)
    params, lines = RECIPES[name]
    change(copy, yaml.safe_load(textwrap.dedent(params)) | {"model": "linear", "decode": {"max_rejects": 0.5}})
    spare_installing(copy)
    (copy / "recipe.sh").write_text(f"set -ex\n{lines}", encoding="utf-8")
    ran = run("bash recipe.sh", copy)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (copy / "data/evaluation/README.md").read_text(encoding="utf-8").startswith("# Model card: linear")
    assert "it fits" in ran.stdout


def test_every_recipe_is_tried():
    assert set(RECIPES) == {"several", "own"}
