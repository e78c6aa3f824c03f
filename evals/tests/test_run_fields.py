"""Fields of runs, and the names that are composed of them."""

import pytest

from origami_evals.baselines import CODECS
from origami_evals.run_fields import baseline_fields, flag_values, origami_fields, run_name
from origami_evals.sweeps import STUDIED, SWEEPS, TIMED


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (["--l0q", "40"], "rs_444_l0q40"),
        (["--resq", "40"], "rs_444_l0q40"),
        (["--resq", "30", "--l0q", "40"], "rs_444_l0q40"),
        (["--baseq", "90", "--l0q", "40"], "rs_444_b90_l0q40"),
        (["--baseq", "90", "--optl2", "--max-delta", "20", "--l0q", "40"], "rs_444_b90_optl2_d20_l0q40"),
        (["--baseq", "90", "--optl2", "--max-delta", "20", "--l0q", "40", "--backend", "gpu"], "gpu_444_b90_optl2_d20_l0q40"),
        (["--optl2", "--l0q", "40", "--upsample-filter", "lanczos3"], "uf_l3_444_optl2_l0q40"),
        (["--baseq", "80", "--subsamp", "420opt", "--l0q", "50"], "rs_420opt_b80_l0q50"),
        (["--encoder", "mozjpeg", "--baseq", "80", "--l0q", "50"], "rs_444_b80_l0q50_mozjpeg"),
        (["--residual-encoder", "jpegxl", "--chroma-resq", "50", "--l0q", "50"], "rs_444_l0q50_r-jpegxl_c50"),
        (["--preset", "archive"], "rs_444_p-archive"),
        (["--preset", "balanced", "--quality", "50"], "rs_444_p-balanced_quality50"),
        (["--preset", "small", "--target-psnr", "38"], "rs_444_p-small_target-psnr38"),
        (["--sharpen", "0.5", "--save-sharpened", "--quality", "50"], "rs_444_quality50_save-sharpened_sharpen0.5"),
    ],
)
def test_names_follow_from_flags(flags, name):
    assert run_name(origami_fields(flags)) == name


def test_fields_have_the_types_of_the_manifest():
    flags = ["--baseq", "90", "--optl2", "--max-delta", "20", "--l0q", "40", "--upsample-filter", "bicubic", "--encoder", "mozjpeg", "--target-psnr", "38.5"]
    assert origami_fields(flags) == {
        "kind": "origami", "backend": "cpu", "subsamp": "444", "baseq": 90, "optl2": True, "max_delta": 20, "l0q": 40,
        "upsample_filter": "bicubic", "encoder": "mozjpeg", "other": {"target-psnr": "38.5"},
    }  # fmt: skip
    assert origami_fields(["--subsamp", "420opt", "--quality", "50"]) == {
        "kind": "origami", "backend": "cpu", "subsamp": "420opt", "optl2": False, "quality": 50,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("codec", "quality", "name"),
    [("jpeg420", 70, "jpeg_baseline_q70"), ("jp2", 38, "jp2_baseline_q38"), ("jpegxl", 60, "jpegxl_jpeg_baseline_q60"), ("jpeg444", 70, "jpeg444_baseline_q70")],
)
def test_names_of_baselines(codec, quality, name):
    assert run_name(baseline_fields(CODECS[codec].prefix, quality)) == name


def test_no_two_points_share_a_name_unless_they_are_the_same():
    names: dict[str, object] = {}
    points = [sweep.flags_at(value) for sweep in SWEEPS for value in {*sweep.values, *sweep.quick_values}]
    for flags in [*points, *map(list, STUDIED.values()), *map(list, TIMED.values())]:
        assert names.setdefault(run_name(origami_fields(flags)), flag_values(flags)) == flag_values(flags)
