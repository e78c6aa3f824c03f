"""What is read from the program's own timing."""

import numpy as np

from origami_evals.timing import Round, best, families_timing, ratios

TEXT = """\
family  read_us  decode_us  reconstruct_us  encode_us  write_us
1_0  10  500  250  125  1
0_0  9687  1000  2000  3000  5880
out/decoded_pyramid.dzi: 2 families, 1.15 MB of tiles, 0.3 s on cpu (avx2)
"""


def test_families_are_read_in_order():
    assert families_timing(TEXT).tolist() == [[1000, 2000, 3000], [500, 250, 125]]


def test_the_least_of_each_family_and_phase_counts():
    rounds = [Round(2.0, 3.0, np.array([[1e6, 5e6, 1e6], [4e6, 1e6, 1e6]])), Round(1.0, 4.0, np.array([[3e6, 1e6, 2e6], [2e6, 1e6, 9e6]]))]
    times = best(rounds)
    assert (times.encode_s, times.decode_s) == (1, 3)
    assert (times.payloads_s, times.planes_s, times.tiles_s, times.family_s) == (3, 2, 2, 5)
    assert ratios(times, times) == dict.fromkeys(("encode_s", "family_s", "payloads_s", "planes_s", "decode_s"), 1.0)
