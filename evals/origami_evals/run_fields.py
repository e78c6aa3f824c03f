"""The fields of a run, which its manifest carries as `run`, and the name of its directory, which is composed of them.

Nothing here parses names: whoever needs a field reads the manifest. README.md has the grammar of names.
"""

FILTERS = {"bilinear": "bl", "bicubic": "bc", "lanczos3": "l3"}
SWITCHES = {"--optl2", "--save-sharpened"}
# Flags that are fields of their own; all others are in `other`.
NUMBERS = {
    "--baseq": "baseq", "--max-delta": "max_delta", "--resq": "l0q", "--l0q": "l0q", "--chroma-resq": "chroma_resq", "--quality": "quality",
}  # fmt: skip
TEXTS = {
    "--backend": "backend", "--subsamp": "subsamp", "--upsample-filter": "upsample_filter", "--encoder": "encoder",
    "--residual-encoder": "residual_encoder", "--preset": "preset",
}  # fmt: skip


def flag_values(flags: list[str]) -> dict[str, str]:
    """`--name value` pairs; switches have the value ''. A later flag overrides an earlier one."""
    values, rest = {}, list(flags)
    while rest:
        name = rest.pop(0)
        values[name] = "" if name in SWITCHES else rest.pop(0)
    return values


def number(text: str) -> int | float:
    return int(text) if text.isdecimal() else float(text)


def baseline_fields(codec: str, quality: int) -> dict:
    """`codec` is the key that the name begins with, such as `jpeg444`."""
    return {"kind": "baseline", "codec": codec, "quality": quality}


def origami_fields(flags: list[str]) -> dict:
    """The fields of a run with these flags of `origami encode`. `--l0q` overrides `--resq`."""
    values = flag_values(flags)
    if "--l0q" in values:
        values.pop("--resq", None)
    fields = {"kind": "origami", "backend": "cpu", "subsamp": "444", "optl2": "--optl2" in values}
    fields |= {field: values[flag] for flag, field in TEXTS.items() if flag in values}
    fields |= {field: number(values[flag]) for flag, field in NUMBERS.items() if flag in values}
    others = {flag.lstrip("-"): value for flag, value in values.items() if flag not in {*TEXTS, *NUMBERS, "--optl2"}}
    return fields | ({"other": others} if others else {})


def run_name(fields: dict) -> str:
    """The directory's name. Absent fields leave no trace in it."""
    if fields["kind"] == "baseline":
        return f"{fields['codec']}_baseline_q{fields['quality']}"
    program = "gpu" if fields["backend"] in {"gpu", "hybrid"} else "rs"
    if "upsample_filter" in fields:
        program = "uf_" + FILTERS[fields["upsample_filter"]]
    parts = [program, fields["subsamp"]]
    parts += [f"b{fields['baseq']}"] if "baseq" in fields else []
    parts += ["optl2"] if fields["optl2"] else []
    marks = {"max_delta": "d", "l0q": "l0q", "encoder": "", "residual_encoder": "r-", "chroma_resq": "c", "preset": "p-"}
    parts += [f"{mark}{fields[field]}" for field, mark in marks.items() if field in fields]
    others = fields.get("other", {}) | ({"quality": fields["quality"]} if "quality" in fields else {})
    return "_".join(parts + [f"{flag}{others[flag]}" for flag in sorted(others)])
