from pathlib import Path

import pytest

from features.running.durable import written_whole


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_overwritten(tmp_path):
    path = tmp_path / "file"
    with written_whole(path) as temporary:
        left = Path(temporary)
        temporary.write_text("whole")
    left.write_text("left by a kill, and longer than the file", encoding="utf-8")
    with written_whole(path) as temporary:
        temporary.write_text("again")
    assert path.read_text() == "again"
    assert list(tmp_path.iterdir()) == [path]
