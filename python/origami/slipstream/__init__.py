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

from ._annotations import (
    Annotation,
    read_annotations,
)
from ._augment import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    BatchAugment,
    Compose,
    MultiSample,
    Normalize,
    NormalizeLGN,
    RandomApply,
    ToDevice,
    ToFloat,
    ToFloatDiv,
    ToTorchImage,
)
from ._augment_colour import (
    RandomBrightness,
    RandomColorJitter,
    RandomColorJitterHSV,
    RandomColorJitterYIQ,
    RandomContrast,
    RandomEqualize,
    RandomGamma,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPosterize,
    RandomSaturation,
    RandomSolarization,
    ToGrayscale,
)
from ._augment_filter import (
    RandomCutout,
    RandomErasing,
    RandomGaussianBlur,
    RandomPixelNoise,
    RandomSharpen,
)
from ._augment_geometry import (
    RandomAffine,
    RandomCropResize,
    RandomElastic,
    RandomHorizontalFlip,
    RandomPatchShuffle,
    RandomRotate,
    RandomScale,
    RandomShear,
    RandomTranslate,
    RandomVerticalFlip,
    RandomZoom,
)
from ._bags import SlipstreamBags
from ._cache import OptimizedCache
from ._cache_index import write_index
from ._cache_yuv import build_yuv420_cache, load_yuv420_cache
from ._dataset import SlipstreamDataset
from ._draws import sample_seeds
from ._places import (
    Places,
    clam_coordinates,
)
from ._decoders import CPUDecoder, GPUDecoder, NumbaBatchDecoder, YUV420NumbaBatchDecoder
from ._ffcv import FFCVFileReader
from ._litdata import LitDataReader
from ._loader import SlipstreamLoader
from ._names import OLD_STAGES as _OLD_STAGES
from ._names import FFCVFileDataset, FFCVStyleDataset, ensure_lightning_symlink_on_cluster, old_stage
from ._prefetch import PrefetchingDataLoader
from ._presets import (
    byol,
    make_train_pipeline,
    make_val_pipeline,
    multicrop,
    simclr,
    supervised_train,
    supervised_val,
)
from ._remote import (
    presync_s3,
    sync_s3_dataset,
)
from ._slide_pool import SlidePool
from ._slides import find_slides, read_slide_list
from ._stain import (
    MacenkoNormalize,
    RandomStainJitter,
    ReinhardNormalize,
    VahadaneNormalize,
)
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
from ._statistics import (
    NormalizationStats,
    compute_normalization_stats,
)
from ._tissue import (
    TissueMask,
    saved_tissue_mask,
    tissue_mask,
)
from ._yuv import YUV420, CenterCropYUV, DecodeOnly, DecodeYUVFullRes, DecodeYUVPlanes, RandomResizedCropYUV
from ._yuv_torch import YUV420ToRGB, yuv420_to_rgb

__all__ = [
    "Annotation",
    "BatchAugment",
    "BatchTransform",
    "CPUDecoder",
    "CenterCropYUV",
    "Compose",
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
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "LitDataReader",
    "MacenkoNormalize",
    "MultiCropPipeline",
    "MultiSample",
    "NormalizationStats",
    "Normalize",
    "NormalizeLGN",
    "NumbaBatchDecoder",
    "OptimizedCache",
    "Places",
    "PrefetchingDataLoader",
    "RandomAffine",
    "RandomApply",
    "RandomBrightness",
    "RandomColorJitter",
    "RandomColorJitterHSV",
    "RandomColorJitterYIQ",
    "RandomContrast",
    "RandomCropResize",
    "RandomCutout",
    "RandomElastic",
    "RandomEqualize",
    "RandomErasing",
    "RandomGamma",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomHue",
    "RandomInvert",
    "RandomPatchShuffle",
    "RandomPixelNoise",
    "RandomPosterize",
    "RandomResizedCropYUV",
    "RandomRotate",
    "RandomSaturation",
    "RandomScale",
    "RandomSharpen",
    "RandomShear",
    "RandomSolarization",
    "RandomStainJitter",
    "RandomTranslate",
    "RandomVerticalFlip",
    "RandomZoom",
    "ReinhardNormalize",
    "SlidePool",
    "SlipstreamBags",
    "SlipstreamDataset",
    "SlipstreamLoader",
    "TissueMask",
    "ToDevice",
    "ToFloat",
    "ToFloatDiv",
    "ToGrayscale",
    "ToTorchImage",
    "VahadaneNormalize",
    "YUV420",
    "YUV420NumbaBatchDecoder",
    "YUV420ToRGB",
    "build_yuv420_cache",
    "byol",
    "clam_coordinates",
    "compute_normalization_stats",
    "ensure_lightning_symlink_on_cluster",
    "estimate_rejection_fallback_rate",
    "find_slides",
    "load_yuv420_cache",
    "make_train_pipeline",
    "make_val_pipeline",
    "multicrop",
    "presync_s3",
    "read_annotations",
    "read_slide_list",
    "sample_seeds",
    "saved_tissue_mask",
    "simclr",
    "supervised_train",
    "supervised_val",
    "sync_s3_dataset",
    "tissue_mask",
    "write_index",
    "yuv420_to_rgb",
]


def __getattr__(name: str) -> Any:
    return old_stage(name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_OLD_STAGES])
