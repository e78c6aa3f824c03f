"""Names of runs: from parameters, and back. The grammar is in README.md; a name that does not fit is nobody's error."""

import re

FILTERS = {"bilinear": "bl", "bicubic": "bc", "lanczos3": "l3"}
SWITCHES = {"--optl2", "--save-sharpened"}
# Flags with a place of their own in the name; all others follow at its end.
PLACED = {"--subsamp", "--baseq", "--optl2", "--max-delta", "--l0q", "--resq", "--upsample-filter", "--backend"}
MARKS = {"--encoder": "", "--residual-encoder": "r-", "--chroma-resq": "c", "--preset": "p-"}

BASELINE = re.compile(r"(?P<codec>[a-z][a-z0-9_]*?)_baseline_q(?P<quality>\d+)$")
ORIGAMI = re.compile(
    r"(?P<program>rs|gpu|uf_(?P<filter>bl|bc|l3))_(?P<subsamp>444|420opt|420)(?:_b(?P<base>\d+))?(?P<optl2>_optl2)?"
    r"(?:_d(?P<delta>\d+))?(?:_l1q(?P<l1q>\d+))?(?:_(?:l0q|j)(?P<l0q>\d+))?(?P<rest>(?:_[a-z0-9.-]+)*)$"
)


def baseline_name(prefix: str, quality: int) -> str:
    return f"{prefix}_baseline_q{quality}"


def flag_values(flags: list[str]) -> dict[str, str]:
    """`--name value` pairs; switches have the value ''. A later flag overrides an earlier one."""
    values, rest = {}, list(flags)
    while rest:
        name = rest.pop(0)
        values[name] = "" if name in SWITCHES else rest.pop(0)
    return values


def origami_name(flags: list[str]) -> str:
    """The run's name for the flags of `origami encode`."""
    values = flag_values(flags)
    program = "gpu" if values.get("--backend") in {"gpu", "hybrid"} else "rs"
    if "--upsample-filter" in values:
        program = "uf_" + FILTERS[values["--upsample-filter"]]
    parts = [program, values.get("--subsamp", "444")]
    parts += [f"b{values['--baseq']}"] if "--baseq" in values else []
    parts += ["optl2"] if "--optl2" in values else []
    parts += [f"d{values['--max-delta']}"] if "--max-delta" in values else []
    residual = values.get("--l0q", values.get("--resq"))
    parts += [f"l0q{residual}"] if residual is not None else []
    parts += [mark + values[flag] for flag, mark in MARKS.items() if flag in values]
    others = sorted(flag for flag in values if flag not in PLACED and flag not in MARKS)
    return "_".join(parts + [flag.lstrip("-") + values[flag] for flag in others])


def parse(name: str) -> dict[str, str]:
    """What a name says, by the names of the grammar's groups; {} where it fits none."""
    match = BASELINE.match(name) or ORIGAMI.match(name)
    return {key: value.strip("_") for key, value in match.groupdict().items() if value} if match else {}
