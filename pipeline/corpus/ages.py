"""Ages: Common Voice's words for them, what they mean in years, and which group each belongs to."""

from collections.abc import Iterable

# In order; each is a decade of life. `fourties` is the corpus' own spelling.
AGES = ("teens", "twenties", "thirties", "fourties", "fifties", "sixties", "seventies", "eighties", "nineties")
YEARS = {word: 15.0 + 10 * decade for decade, word in enumerate(AGES)}  # the middle of each decade


def age_to_group(groups: dict[str, Iterable[str]]) -> dict[str, str]:
    """The group of each age word."""
    return {age: group for group, ages in groups.items() for age in ages}
