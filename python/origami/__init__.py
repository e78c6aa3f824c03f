"""Whole-slide images as ORIGAMI archives: read them with OpenSlide's interface, encode and decode them, train from them.

    from origami import open_slide

    with open_slide("slide.bundle") as slide:
        image = slide.read_region((0, 0), 0, (512, 512))

Code for openslide-python works with `import origami as openslide`. `origami.slipstream` is the loader for training.
"""

from ._archive import EncodeReport, decode, encode
from ._errors import (
    DamagedError,
    FileError,
    MissingFileError,
    OrigamiError,
    ParameterError,
    UnsupportedFormatError,
)
from ._native import __version__
from ._slide import (
    PROPERTY_NAME_BACKGROUND_COLOR,
    PROPERTY_NAME_BARCODE,
    PROPERTY_NAME_BOUNDS_HEIGHT,
    PROPERTY_NAME_BOUNDS_WIDTH,
    PROPERTY_NAME_BOUNDS_X,
    PROPERTY_NAME_BOUNDS_Y,
    PROPERTY_NAME_COMMENT,
    PROPERTY_NAME_MPP_X,
    PROPERTY_NAME_MPP_Y,
    PROPERTY_NAME_OBJECTIVE_POWER,
    PROPERTY_NAME_QUICKHASH1,
    PROPERTY_NAME_VENDOR,
    Slide,
    detect_format,
    open_slide,
)

# The names of openslide-python.
OpenSlide = Slide
OpenSlideError = OrigamiError
OpenSlideUnsupportedFormatError = UnsupportedFormatError


__all__ = [
    "PROPERTY_NAME_BACKGROUND_COLOR",
    "PROPERTY_NAME_BARCODE",
    "PROPERTY_NAME_BOUNDS_HEIGHT",
    "PROPERTY_NAME_BOUNDS_WIDTH",
    "PROPERTY_NAME_BOUNDS_X",
    "PROPERTY_NAME_BOUNDS_Y",
    "PROPERTY_NAME_COMMENT",
    "PROPERTY_NAME_MPP_X",
    "PROPERTY_NAME_MPP_Y",
    "PROPERTY_NAME_OBJECTIVE_POWER",
    "PROPERTY_NAME_QUICKHASH1",
    "PROPERTY_NAME_VENDOR",
    "DamagedError",
    "EncodeReport",
    "FileError",
    "MissingFileError",
    "OpenSlide",
    "OpenSlideError",
    "OpenSlideUnsupportedFormatError",
    "OrigamiError",
    "ParameterError",
    "Slide",
    "UnsupportedFormatError",
    "__version__",
    "decode",
    "detect_format",
    "encode",
    "open_slide",
]
