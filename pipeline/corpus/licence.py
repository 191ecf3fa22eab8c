"""Licence: what a release says of its licence, in its name or in its README."""

import re

LONGEST_README = 2**16  # bytes that are read
KNOWN = re.compile(r"\bCC0(?:[- ]1\.0)?\b|\bCC[- ]BY(?:[- ](?:NC|SA|ND))*(?:[- ]\d\.\d)?\b", re.IGNORECASE)


def licence_in(*texts: str) -> str | None:
    """The Creative Commons licence that is named first; None if none is."""
    found = (KNOWN.search(text.replace("_", "-")) for text in texts)
    return next((match[0].upper().replace(" ", "-") for match in found if match), None)


def is_readme(name: str) -> bool:
    return name.upper().startswith("README")
