"""YUV 4:2:0 that is converted and normalised by torch: the path to a device, on its CPU."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pictures import draw

from origami.slipstream import (
    YUV420,
    CenterCropYUV,
    DecodeCenterCrop,
    DecodeYUVPlanes,
    GPUDecoder,
    OptimizedCache,
    PrefetchingDataLoader,
    RandomResizedCropYUV,
    SlipstreamDataset,
    SlipstreamLoader,
    YUV420ToRGB,
    build_yuv420_cache,
    yuv420_to_rgb,
)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def jpeg(number: int, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.roll(draw(*size), 23 * number, axis=1)).save(file, "JPEG", quality=92, subsampling=2)
    return file.getvalue()


@pytest.fixture(scope="module", params=[(160, 120), (161, 119)])
def cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OptimizedCache:
    samples = [{"image": jpeg(number, request.param), "label": number} for number in range(11)]
    return OptimizedCache.build(SlipstreamDataset(samples, identity=str(request.param)), tmp_path_factory.mktemp("caches"))


def test_planes_become_the_rgb_of_libjpeg(cache: OptimizedCache) -> None:
    (batch,) = SlipstreamLoader(cache, 11, pipelines={"image": [DecodeYUVPlanes()]}, device="cpu", shuffle="none")
    assert isinstance(batch["image"], YUV420) and all(isinstance(plane, torch.Tensor) for plane in batch["image"])
    rgb = yuv420_to_rgb(batch["image"])
    assert rgb.dtype == torch.uint8
    for at, image in enumerate(rgb):
        want = np.asarray(Image.open(io.BytesIO(cache[at]["image"])))
        difference = np.abs(image.permute(1, 2, 0).numpy().astype(int) - want)
        # Both enlarge chroma by a triangle; libjpeg rounds what it enlarged to 8 bits first.
        assert difference.max() <= 3 and difference.mean() < 0.5, at


def test_normalisation_is_that_of_the_definition(cache: OptimizedCache) -> None:
    stages = [CenterCropYUV(96), YUV420ToRGB(MEAN, STD)]
    (batch,) = SlipstreamLoader(cache, 11, pipelines={"image": stages}, device="cpu", shuffle="none")
    assert batch["image"].dtype == torch.float32 and batch["image"].shape == (11, 3, 96, 96)
    (whole,) = SlipstreamLoader(cache, 11, pipelines={"image": [CenterCropYUV(96), YUV420ToRGB()]}, device="cpu", shuffle="none")
    want = (whole["image"].float() / 255 - torch.tensor(MEAN).reshape(1, 3, 1, 1)) / torch.tensor(STD).reshape(1, 3, 1, 1)
    assert (batch["image"] - want).abs().max() < 0.6 / 255 / min(STD)
    (half,) = SlipstreamLoader(cache, 11, pipelines={"image": [CenterCropYUV(96), YUV420ToRGB(MEAN, STD, torch.float16)]}, device="cpu", shuffle="none")
    assert half["image"].dtype == torch.float16 and (half["image"].float() - batch["image"]).abs().max() < 4e-3
    (plain,) = SlipstreamLoader(cache, 11, pipelines={"image": [DecodeCenterCrop(96)]}, shuffle="none")
    assert np.abs(whole["image"].numpy().astype(int) - plain["image"]).mean() < 6
    (unit,) = SlipstreamLoader(cache, 11, pipelines={"image": [CenterCropYUV(96), YUV420ToRGB(dtype=torch.float32)]}, device="cpu", shuffle="none")
    assert 0 <= unit["image"].min() and unit["image"].max() <= 1


def test_a_cache_of_planes_takes_the_same_path(cache: OptimizedCache) -> None:
    stages = [RandomResizedCropYUV(64, seed=2), YUV420ToRGB(MEAN, STD)]
    of = [SlipstreamLoader(source, 4, pipelines={"image": stages}, device="cpu") for source in (cache, build_yuv420_cache(cache))]
    for files, planes in zip(*of, strict=True):
        assert torch.equal(files["image"], planes["image"])
    with pytest.raises(TypeError, match="where planes belong"):
        next(iter(SlipstreamLoader(cache, 4, pipelines={"image": [DecodeCenterCrop(8), YUV420ToRGB()]}, device="cpu")))


def test_a_decoder_for_a_device_gives_tensors(cache: OptimizedCache, tmp_path: Path) -> None:
    (raw,) = PrefetchingDataLoader(cache, 11)
    batch = tuple(raw[name] for name in ("data", "sizes", "heights", "widths"))
    decoder = GPUDecoder("cpu")
    crops = decoder.decode_batch_center_crop(*batch, 40)
    (want,) = SlipstreamLoader(cache, 11, pipelines={"image": [DecodeCenterCrop(40)]}, shuffle="none")
    assert isinstance(crops, torch.Tensor) and np.array_equal(crops.numpy(), want["image"])
    images = decoder.decode_batch(*batch)
    buffer = decoder.decode_batch_to_buffer(*batch, torch.zeros(11, 3, 200, 200, dtype=torch.uint8))
    assert torch.equal(buffer[3, :, : images[3].shape[1], : images[3].shape[2]], images[3])
