"""Names of runs, there and back."""

import pytest

from origami_evals.run_names import baseline_name, flag_values, origami_name, parse
from origami_evals.sweeps import SWEEPS


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (["--l0q", "40"], "rs_444_l0q40"),
        (["--baseq", "90", "--l0q", "40"], "rs_444_b90_l0q40"),
        (["--baseq", "90", "--optl2", "--max-delta", "20", "--l0q", "40"], "rs_444_b90_optl2_d20_l0q40"),
        (["--baseq", "90", "--optl2", "--max-delta", "20", "--l0q", "40", "--backend", "gpu"], "gpu_444_b90_optl2_d20_l0q40"),
        (["--optl2", "--l0q", "40", "--upsample-filter", "lanczos3"], "uf_l3_444_optl2_l0q40"),
        (["--baseq", "80", "--subsamp", "420opt", "--l0q", "50"], "rs_420opt_b80_l0q50"),
        (["--encoder", "mozjpeg", "--baseq", "80", "--l0q", "50"], "rs_444_b80_l0q50_mozjpeg"),
        (["--residual-encoder", "jpegxl", "--chroma-resq", "50", "--l0q", "50"], "rs_444_l0q50_r-jpegxl_c50"),
        (["--preset", "archive"], "rs_444_p-archive"),
        (["--preset", "small", "--target-psnr", "38"], "rs_444_p-small_target-psnr38"),
    ],
)
def test_names_follow_from_flags(flags, name):
    assert origami_name(flags) == name
    assert parse(name)["subsamp"] == flag_values(flags).get("--subsamp", "444")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jpeg_baseline_q70", {"codec": "jpeg", "quality": "70"}),
        ("jp2_baseline_q50", {"codec": "jp2", "quality": "50"}),
        ("jpegxl_jpeg_baseline_q60", {"codec": "jpegxl_jpeg", "quality": "60"}),
        ("rs_444_optl2_j50", {"program": "rs", "subsamp": "444", "optl2": "optl2", "l0q": "50"}),
        ("rs_444_b90_optl2_d20_l0q40", {"program": "rs", "subsamp": "444", "base": "90", "optl2": "optl2", "delta": "20", "l0q": "40"}),
        ("rs_444_b90_optl2_d20_l1q60_l0q40", {"program": "rs", "subsamp": "444", "base": "90", "optl2": "optl2", "delta": "20", "l1q": "60", "l0q": "40"}),
        ("uf_bc_444_optl2_l0q40", {"program": "uf_bc", "filter": "bc", "subsamp": "444", "optl2": "optl2", "l0q": "40"}),
        ("optl2_debug_l0q40_pac", {}),
        ("my own run", {}),
    ],
)  # fmt: skip
def test_names_of_the_reference_are_understood(name, said):
    assert parse(name) == said


def test_baselines():
    assert parse(baseline_name("avif", 55)) == {"codec": "avif", "quality": "55"}


def test_no_two_points_share_a_name_unless_they_are_the_same():
    names: dict[str, object] = {}
    for sweep in SWEEPS:
        for value in {*sweep.values, *sweep.quick_values}:
            flags = sweep.flags_at(value)
            assert names.setdefault(origami_name(flags), flag_values(flags)) == flag_values(flags)
