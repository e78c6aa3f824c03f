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

from ._bags import SlipstreamBags
from ._cache import OptimizedCache, write_index
from ._dataset import SlipstreamDataset
from ._ffcv import FFCVFileReader
from ._litdata import LitDataReader
from ._loader import SlipstreamLoader
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
    estimate_rejection_fallback_rate,
)
from ._tissue import TissueMask, tissue_mask

__all__ = [
    "BatchTransform",
    "DecodeCenterCrop",
    "DecodeDirectRandomResizedCrop",
    "DecodeMultiRandomResizedCrop",
    "DecodeRandomResizedCrop",
    "DecodeResizeCrop",
    "DecodeUniformMultiRandomResizedCrop",
    "FFCVFileReader",
    "LitDataReader",
    "OptimizedCache",
    "PrefetchingDataLoader",
    "SlipstreamBags",
    "SlipstreamDataset",
    "SlipstreamLoader",
    "TissueMask",
    "estimate_rejection_fallback_rate",
    "find_slides",
    "read_slide_list",
    "tissue_mask",
    "write_index",
]
