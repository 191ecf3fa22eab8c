"""Ages: Common Voice's words for them, what they mean in years, and which group each belongs to."""

from collections.abc import Iterable

# In order; each is a decade of life. `fourties` is the corpus' own spelling.
AGES = ("teens", "twenties", "thirties", "fourties", "fifties", "sixties", "seventies", "eighties", "nineties")
YEARS = {word: 15.0 + 10 * decade for decade, word in enumerate(AGES)}  # the middle of each decade


YOUNGEST, OLDEST = 10, 120  # years; others are taken for mistakes


def age_word(years: float) -> str:
    """The word for an age in years; for one that cannot be right, the number."""
    if not YOUNGEST <= years <= OLDEST:
        return f"{years:g}"
    return AGES[min(int(years) // 10 - 1, len(AGES) - 1)]


def age_to_group(groups: dict[str, Iterable[str]]) -> dict[str, str]:
    """The group of each age word."""
    return {age: group for group, ages in groups.items() for age in ages}
