"""Training data without a copy: patches of bundles, trees and slides, and encoded images, in an order that a seed decides.

    from origami.slipstream import SlipstreamDataset, SlipstreamLoader

    dataset = SlipstreamDataset.from_slides("slides/", size=256, target_mpp=0.5, tissue=0.5)
    loader = SlipstreamLoader(dataset, batch_size=64, num_workers=4, seed=1)
    for epoch in range(3):
        loader.set_epoch(epoch)
        for batch in loader:
            batch["image"]   # uint8, (64, 3, 256, 256)

A data set also works under `torch.utils.data.DataLoader`; torch itself is not needed here.
"""

from typing import Any

from ._bags import SlipstreamBags
from ._cache import OptimizedCache
from ._cache_index import write_index
from ._cache_yuv import build_yuv420_cache, load_yuv420_cache
from ._dataset import SlipstreamDataset
from ._decoders import CPUDecoder, GPUDecoder, NumbaBatchDecoder, YUV420NumbaBatchDecoder
from ._ffcv import FFCVFileReader
from ._litdata import LitDataReader
from ._loader import SlipstreamLoader
from ._names import OLD_STAGES as _OLD_STAGES
from ._names import FFCVFileDataset, FFCVStyleDataset, ensure_lightning_symlink_on_cluster, old_stage
from ._prefetch import PrefetchingDataLoader
from ._slides import find_slides, read_slide_list
from ._stages import (
    BatchTransform,
    DecodeCenterCrop,
    DecodeDirectRandomResizedCrop,
    DecodeMultiRandomResizedCrop,
    DecodeRandomResizedCrop,
    DecodeResizeCrop,
    DecodeUniformMultiRandomResizedCrop,
    MultiCropPipeline,
    estimate_rejection_fallback_rate,
)
from ._tissue import TissueMask, tissue_mask
from ._yuv import YUV420, CenterCropYUV, DecodeOnly, DecodeYUVFullRes, DecodeYUVPlanes, RandomResizedCropYUV
from ._yuv_torch import YUV420ToRGB, yuv420_to_rgb

__all__ = [
    "BatchTransform",
    "CPUDecoder",
    "CenterCropYUV",
    "DecodeCenterCrop",
    "DecodeDirectRandomResizedCrop",
    "DecodeMultiRandomResizedCrop",
    "DecodeOnly",
    "DecodeRandomResizedCrop",
    "DecodeResizeCrop",
    "DecodeUniformMultiRandomResizedCrop",
    "DecodeYUVFullRes",
    "DecodeYUVPlanes",
    "FFCVFileDataset",
    "FFCVFileReader",
    "FFCVStyleDataset",
    "GPUDecoder",
    "LitDataReader",
    "MultiCropPipeline",
    "NumbaBatchDecoder",
    "OptimizedCache",
    "PrefetchingDataLoader",
    "RandomResizedCropYUV",
    "SlipstreamBags",
    "SlipstreamDataset",
    "SlipstreamLoader",
    "TissueMask",
    "YUV420",
    "YUV420NumbaBatchDecoder",
    "YUV420ToRGB",
    "build_yuv420_cache",
    "ensure_lightning_symlink_on_cluster",
    "estimate_rejection_fallback_rate",
    "find_slides",
    "load_yuv420_cache",
    "read_slide_list",
    "tissue_mask",
    "write_index",
    "yuv420_to_rgb",
]


def __getattr__(name: str) -> Any:
    return old_stage(name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_OLD_STAGES])
