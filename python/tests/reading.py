"""What child processes do; a module, so that those that are spawned find it."""

import origami
from origami.slipstream import SlipstreamDataset


def read(slide: origami.Slide) -> bytes:
    return slide.read_region((900, 700), 0, (300, 300), as_array=True).tobytes()


def read_inherited(slide: origami.Slide) -> None:
    """Reads with a slide that was not pickled: it came with the fork."""
    assert len(read(slide)) == 300 * 300 * 3


def total(dataset: SlipstreamDataset, indices: list[int]) -> int:
    """The sum of all values of some samples."""
    return sum(int(dataset[index]["image"].sum()) for index in indices)
