"""Names beyond ASCII: of groups, tables, clips and archives, where the locale knows none of them."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from features.shard import read_shard
from tests.conftest import write_archive, write_release, write_table

ROOT = Path(__file__).parents[3]
STAGES = """
from pipeline import decode, filter, pack, plan, split, tables
from pipeline.running.terminal import print_anything
print_anything()
for stage in (tables, filter, plan, pack, decode, split):
    stage.main()
"""
GROUPS = {"früh": ["teens", "twenties"], "später": ["thirties", "fourties"], "ältere": ["fifties", "sixties"]}


@pytest.fixture
def project(tmp_path, table, mp3):
    """A release whose clips, table and own split have names beyond ASCII, unpacked and as an archive."""
    rows = table(90, 45)
    rows["path"] = [f"é声_{number:02d}.mp3" for number in range(90)]
    clips = {path: mp3(0.6, seed=number % 5) for number, path in enumerate(rows["path"])}
    release = write_release(tmp_path / "data/raw/één", rows, clips)
    write_table(rows[:0], release.with_name("andere_é.tsv"))
    write_archive(release, tmp_path / "data/raw/één.tar.gz")
    (tmp_path / "data/splits").mkdir()
    turn = rows["client_id"].str.removeprefix("client").astype(int) // 6 % 3
    own = pd.DataFrame({"speaker": rows["client_id"], "split": turn.map({0: "train", 1: "val", 2: "test"})})
    own.drop_duplicates().to_csv(tmp_path / "data/splits/één.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("corpus", ["data/raw/één.tar.gz", "data/raw/één/validated.tsv"])
def test_names_beyond_ascii_work_in_any_locale(project, corpus):
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["corpus"] = corpus
    params["filter"] |= {"groups": GROUPS, "tables": ["validated", "andere_é"], "balance": "keep"}
    params["split"] |= {"groups": GROUPS, "by": "data/splits/één.csv"}
    params["compute"]["jobs"] = 1
    (project / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    environment = {"PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONUTF8": "0", "PATH": "/usr/bin:/bin"}
    ran = subprocess.run([sys.executable, "-c", STAGES], env=environment, cwd=project, capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()
    assert b"fr?h" in ran.stdout
    account = json.loads((project / "data/split.json").read_text(encoding="utf-8"))
    assert list(account["splits"]["test"]["groups"]) == list(GROUPS)
    keys = set(pd.read_parquet(project / "data/split.parquet")["key"])
    assert keys == {f"é声_{number:02d}" for number in range(90)}
    packed = {name for path in (project / "data/clips").glob("*.tar") for name, _ in read_shard(path)}
    assert packed == {f"{key}.mp3" for key in keys}
    assert (project / "data/tables/000/andere_é.tsv").is_file()
