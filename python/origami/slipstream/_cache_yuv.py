"""Caches whose images are planes of Y, U and V in 4:2:0, decoded already."""

from __future__ import annotations

import os
from collections.abc import Callable

from ._cache import OptimizedCache, path_of
from ._dataset import SlipstreamDataset
from ._slides import Path_


def build_yuv420_cache(
    source: SlipstreamDataset | OptimizedCache, directory: Path_ | None = None, *, progress: Callable[[int, int], object] | None = None
) -> OptimizedCache:
    """The cache of a data set, or of a cache of files, whose images are planes of Y, U and V in 4:2:0: the one that is there, else built now.

    Planes of a JPEG in 4:2:0 are its own; other chroma is reduced. directory: as of `OptimizedCache.build`; of a cache, beside it.
    """
    if isinstance(source, OptimizedCache) and source.image_format == "yuv420":
        return source
    return OptimizedCache.build(_as_dataset(source), _beside(source, directory), image_format="yuv420", progress=progress)


def load_yuv420_cache(source: SlipstreamDataset | OptimizedCache | Path_, directory: Path_ | None = None) -> OptimizedCache:
    """The cache that `build_yuv420_cache` built, or the one at a path. Raises FileNotFoundError; ValueError where its images are files."""
    if isinstance(source, (str, os.PathLike)):
        found = OptimizedCache(source)
    else:
        found = OptimizedCache(path_of(_as_dataset(source), _beside(source, directory), "yuv420"))
    if found.image_format != "yuv420":
        raise ValueError(f"{found.cache_path}: its images are files; build_yuv420_cache makes one of planes")
    return found


def _as_dataset(source: SlipstreamDataset | OptimizedCache) -> SlipstreamDataset:
    if isinstance(source, SlipstreamDataset):
        return source
    if source.image_format != "jpeg":
        raise ValueError(f"{source.cache_path}: its images are planes already; give the cache of files or the data set")
    return SlipstreamDataset(source, identity=source.identity, name=source.cache_path.name.rsplit("-", 1)[0])


def _beside(source: SlipstreamDataset | OptimizedCache, directory: Path_ | None) -> Path_ | None:
    return source.cache_path.parent if directory is None and isinstance(source, OptimizedCache) else directory
