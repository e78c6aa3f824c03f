"""`origami.slipstream` by another name: everything of it, the same objects."""

from origami.slipstream import *  # noqa: F403
from origami.slipstream import __all__ as __all__
