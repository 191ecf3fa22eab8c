"""The README's recipes, word for word: each block that a comment marks is run, in order, in a small copy."""

import re
from pathlib import Path

from tests.project import ROOT, clone, run, spare_installing

BLOCK = re.compile(r"^<!-- run( in a clone)? -->\n\n((?:    .*\n)+)", re.MULTILINE)


def test_the_recipes_run_as_they_stand(copy):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("<!-- run")
    assert {"", " in a clone"} == {where for where, _ in blocks}
    spare_installing(copy)
    for where, block in blocks:
        folder = copy if not where else colleague(copy)
        (folder / "recipe.sh").write_text(f"set -ex\n{block}", encoding="utf-8")
        ran = run("bash recipe.sh", folder)
        (folder / "recipe.sh").unlink()
        assert ran.returncode == 0, block + ran.stdout + ran.stderr
        assert "Running stage" not in ran.stdout or not where


def colleague(project: Path) -> Path:
    folder = clone(project, project.with_name("colleague"))
    spare_installing(folder)
    return folder
