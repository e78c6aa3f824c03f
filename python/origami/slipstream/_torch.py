"""torch, which is imported where it is needed: by stages when they are called."""

from __future__ import annotations

from typing import Any

Tensor = Any
"""A `torch.Tensor`; torch's types are not there where the package is checked."""


def load() -> Any:
    """The module. Raises ImportError that says how to install it."""
    try:
        # Installed by those who train with it.
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise ImportError("batch augmentations are made of torch, which is not installed: pip install 'origami-wsi[torch]'") from error
    return torch


def as_tensor(batch: Any) -> Tensor:
    """A batch of numpy or torch as a tensor, without a copy."""
    torch = load()
    return batch if isinstance(batch, torch.Tensor) else torch.from_numpy(batch)
