"""A slide in napari, from a file or a server: slide_napari.py PATH_OR_ADDRESS

All levels are one image of several scales. A chunk is read when it is looked at.
"""

import sys

import dask.array as da
import numpy as np
from dask import delayed

import origami

CHUNK_PX = 1024


def level_of(slide: origami.Slide, level: int) -> da.Array:
    """A level as an array that is read in chunks."""
    width, height = slide.level_dimensions[level]
    scale = slide.level_downsamples[level]

    def chunk(x: int, y: int) -> da.Array:
        w, h = min(CHUNK_PX, width - x), min(CHUNK_PX, height - y)
        read = delayed(slide.read_region)((round(x * scale), round(y * scale)), level, (w, h), as_array=True)
        return da.from_delayed(read, (h, w, 3), np.uint8)

    return da.block([[[chunk(x, y)] for x in range(0, width, CHUNK_PX)] for y in range(0, height, CHUNK_PX)])


def pyramid(slide: origami.Slide) -> list[da.Array]:
    """All levels, the finest first."""
    return [level_of(slide, level) for level in range(slide.level_count)]


def main() -> None:
    import napari

    slide = origami.open_slide(sys.argv[1])
    microns = float(slide.properties.get("openslide.mpp-x", 1))
    viewer = napari.Viewer()
    viewer.add_image(pyramid(slide), multiscale=True, rgb=True, scale=(microns, microns), name=sys.argv[1])
    viewer.scale_bar.visible = True
    napari.run()


if __name__ == "__main__":
    main()
