"""Build: makes a network from an architecture and its settings."""

import inspect
from typing import Any

from pydantic import ValidationError
from torch import nn

from models.architectures import ARCHITECTURES
from models.architectures.sizes import ShortCropError
from models.mistake import explained, shortened

SHAPE = ("values", "frames", "groups")  # given to every architecture; the rest are its own settings


def build_network(name: str, settings: dict[str, Any], values: int, frames: int, groups: int) -> nn.Module:
    """The architecture `name` with its settings.

    Raises ValueError that names the mistake: the name, an unknown or missing setting, or a value out of range; and
    ShortCropError, which is one, for too few frames.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"{shortened(name)} is not an architecture: choose from {', '.join(ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    own = [setting for setting in inspect.signature(architecture).parameters if setting not in SHAPE]
    if set(own) != set(settings):
        raise ValueError(f"{name} was given the settings {shortened(', '.join(settings))}: it takes {', '.join(own)}")
    try:
        return architecture(values=values, frames=frames, groups=groups, **settings)
    except ValidationError as error:
        raise ValueError(f"{name}.{explained(error.errors()[0])}") from None
    except ShortCropError as error:
        raise ShortCropError(f"{name} {error}") from None
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from None
