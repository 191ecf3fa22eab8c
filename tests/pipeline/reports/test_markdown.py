import pytest

from pipeline.reports.markdown import cell, difference, number


def test_a_label_cannot_break_out_of_its_cell():
    assert cell("a | b") == "a \\| b"
    assert cell("line\none") == "line one"
    assert cell("![x](http://host)") == "\\!\\[x\\](http://host)"
    assert cell("<script>") == "\\<script\\>"


@pytest.mark.parametrize(("value", "text"), [(0.1234, "0.123"), (12.34, "12.3"), (1.79, "1.790")])
def test_numbers_have_sensible_digits(value, text):
    assert number(value) == text


def test_an_unknown_difference_is_blank():
    assert difference({"gap_low": float("nan"), "gap_high": float("nan")}, "gap_") == ""
    assert difference({"gap_low": -0.1, "gap_high": 0.2}, "gap_") == "−0.100 to +0.200"
