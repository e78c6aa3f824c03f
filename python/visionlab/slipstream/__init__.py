"""`origami.slipstream` under another name."""

from typing import Any

from origami import slipstream as _slipstream
from origami.slipstream import *  # noqa: F403
from origami.slipstream import __all__ as __all__


def __getattr__(name: str) -> Any:
    return getattr(_slipstream, name)
