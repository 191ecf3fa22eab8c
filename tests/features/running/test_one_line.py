import pytest

from features.running.one_line import LONGEST, one_line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("\nfirst\nsecond"), "first"),
        (KeyError(), "KeyError"),
        (RuntimeError(" \n "), "RuntimeError"),
        (OSError("x" * 1000), "x" * LONGEST),
    ],
)
def test_an_error_is_told_in_one_line(error, said):
    assert one_line(error) == said
