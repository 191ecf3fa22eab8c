import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from page.folder import MARK, delete_older, temporary_folder

KILLED = """
import os, signal
from page.folder import temporary_folder
with temporary_folder() as folder:
    (folder / "voice.wav").touch()
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """The system's temporary folder, for this process and its children."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    return temporary


def killed() -> Path:
    """The folder that a killed process left."""
    ended = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL
    return Path(ended.stdout.strip())


def test_the_folder_goes_with_the_block(temporary):
    with temporary_folder() as folder:
        (folder / "inside").mkdir()
        (folder / "inside/voice.wav").touch()
    assert not list(temporary.iterdir())


def test_what_a_killed_process_left_goes_at_the_next_start(temporary):
    left = killed()
    assert (left / "voice.wav").exists()
    with temporary_folder() as folder:
        assert list(temporary.iterdir()) == [folder]


def test_a_process_at_work_keeps_its_folder():
    with temporary_folder() as first, temporary_folder() as second:
        assert first.exists()
        assert second.exists()


def test_other_folders_and_files_with_such_a_name_stay(temporary, tmp_path):
    (temporary / "voice-age-thesis").mkdir()
    (temporary / "voice-age-thesis/chapter").touch()
    (temporary / "voice-age-notes").write_text("a file")
    elsewhere = killed().rename(tmp_path / "elsewhere")
    (temporary / "voice-age-link").symlink_to(elsewhere)
    (temporary / "voice-age-linked").mkdir()
    (temporary / "voice-age-linked" / MARK).symlink_to(elsewhere / MARK)
    before = sorted(temporary.rglob("*"))
    with temporary_folder() as folder:
        assert sorted(path for path in temporary.rglob("*") if folder not in (path, path.parent)) == before
    assert (elsewhere / "voice.wav").exists()


def test_links_out_of_a_dead_folder_are_not_followed(temporary, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (killed() / "link").symlink_to(tmp_path / "precious")
    with temporary_folder() as folder:
        assert list(temporary.iterdir()) == [folder]
    assert (tmp_path / "precious/file").exists()


def test_files_are_deleted_by_the_time_of_their_last_change(tmp_path):
    (tmp_path / "inside").mkdir()
    recording = tmp_path / "inside/voice.wav"
    recording.touch()
    os.utime(recording, (0, 0))  # as a copy keeps the time of its original
    changed = recording.stat().st_ctime
    delete_older(tmp_path, changed)
    assert recording.exists()
    delete_older(tmp_path, changed + 1)
    assert not recording.exists()
    assert recording.parent.exists()
