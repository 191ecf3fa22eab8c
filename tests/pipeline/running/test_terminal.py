import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.running.terminal import printable

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("text", ["a\nb\r", "\x9b31m", "\u202egnp.exe", "caf\udce9", "\x07\x00\x7f", "\u2028"])
def test_no_text_controls_the_terminal(text):
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode().decode("unicode_escape", "surrogatepass") == text


@pytest.mark.parametrize("text", ["plain text, 12 %", "früh", "声.mp3", "forties → fifties …"])
def test_readable_characters_stay(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"LC_ALL": "C", "PYTHONUTF8": "0"}, b"fr?h ? caf?"),
        ({"PYTHONIOENCODING": "latin-1"}, b"fr\xfch ? caf?"),
        ({"PYTHONIOENCODING": "utf-8:strict"}, "früh → caf?".encode()),
    ],
)
def test_standard_output_shows_what_it_can(environment, shown):
    code = (
        "from pipeline.running.terminal import print_anything; print_anything(); print('fr\\xfch \\u2192 caf\\udce9')"
    )
    environment = {"PYTHONPATH": str(ROOT)} | environment
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert ran.stdout == shown + b"\n"
