"""Front-end: what turns sound files into features, as stores and models describe it."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

STRICT = {"extra": "forbid", "strict": True, "allow_inf_nan": False}


@dataclass(frozen=True)
class Reading:
    """How a sound file is read, whatever is made of it."""

    sample_rate: Annotated[int, Ge(8000), Le(48000)]  # Hz
    trim: Annotated[float, Gt(0), Le(200)]  # dB below the loudest moment
    shortest: Annotated[float, Gt(0)]  # s, after trimming
    longest: Annotated[float, Gt(0), Le(3600)]  # s, before trimming
    too_long: Literal["reject", "crop"] = "reject"  # crop: only the first `longest` s are used

    __pydantic_config__: ClassVar[dict] = STRICT

    def __post_init__(self):
        if self.shortest > self.longest:
            raise ValueError(f"shortest is {self.shortest} s: allowed is at most longest, {self.longest} s")


@dataclass(frozen=True)
class FrontEnd:
    name: str  # in FRONT_ENDS
    sound: Reading
    settings: dict[str, Any]  # of its section in params.yaml
    values: Annotated[int, Ge(1), Le(100_000)]  # per frame
    hop: Annotated[float, Gt(0), Le(3600)]  # s from one frame to the next

    __pydantic_config__: ClassVar[dict] = STRICT

    def __hash__(self) -> int:
        return hash((self.name, self.sound, json.dumps(self.settings, sort_keys=True)))


def front_end_of(facts: dict[str, Any]) -> FrontEnd:
    """The front-end that `dataclasses.asdict` was made of. Raises TypeError or KeyError for anything else."""
    if "n_mels" in facts:
        facts = from_flat(facts)
    return FrontEnd(**facts | {"sound": Reading(**facts["sound"])})


def from_flat(facts: dict[str, Any]) -> dict[str, Any]:
    """What stores say that were made when log-mel was the only front-end: all its settings side by side."""
    sound = {name: facts[name] for name in ("sample_rate", "trim", "shortest", "longest")}
    settings = {name: value for name, value in facts.items() if name not in sound}
    return {
        "name": "logmel",
        "sound": sound,
        "settings": settings,
        "values": settings["n_mels"],
        "hop": settings["hop"],
    }
