"""Section: whether a front-end can have the settings that params.yaml or config.json gives it."""

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from features.front_end import Reading
from features.front_ends import FRONT_ENDS
from models.mistake import explained, shortened


def check_section(name: str, sound: Reading, settings: dict[str, Any]) -> None:
    """Raises ValueError, in one line, for a front-end that there is not, or settings that it cannot have."""
    if name not in FRONT_ENDS:
        raise ValueError(f"{shortened(name)} is not a front-end: allowed are {', '.join(FRONT_ENDS)}")
    front_end = FRONT_ENDS[name]
    try:
        front_end.check(TypeAdapter(front_end.Settings).validate_json(json.dumps(settings)), sound)
    except ValidationError as error:
        raise ValueError(f"{name}.{explained(error.errors(include_url=False)[0])}") from None
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from None
