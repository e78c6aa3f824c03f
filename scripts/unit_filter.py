"""A filter of system calls with what a unit of systemd allows: `unit_filter.py UNIT OUT`, by Debian's Python with its package python3-seccomp.

The unit makes other calls fail; this filter ends the program at them, so that a test sees each. It has SystemCallFilter, RestrictAddressFamilies and
MemoryDenyWriteExecute. OUT gets the filter's program, which bubblewrap takes.
"""

import errno
import socket
import subprocess
import sys

import seccomp

PROT_WRITE, PROT_EXEC = 2, 4


def group(name: str) -> set[str]:
    """The calls of a group, by systemd's own list."""
    said = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], check=True, capture_output=True, text=True).stdout
    calls = set()
    for line in said.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            calls |= group(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def settings(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with open(unit, encoding="utf-8") as lines:
        for line in lines:
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                found.setdefault(name, []).append(value)
    return found


def allowed(lists: list[str]) -> set[str]:
    """What the lists of SystemCallFilter leave, one after the other. A service is also allowed what starts it."""
    calls = group("@default") | {"execve"}
    for words in lists:
        names = words.removeprefix("~").split()
        own = set().union(*(group(name) if name.startswith("@") else {name} for name in names))
        calls = calls - own if words.startswith("~") else calls | own
    return calls | {"execve"}


def main() -> None:
    unit, out = sys.argv[1:]
    found = settings(unit)
    made = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    calls = allowed(found["SystemCallFilter"])
    guarded = {"mmap", "mprotect", "pkey_mprotect", "socket"}
    if found["MemoryDenyWriteExecute"] != ["yes"]:
        sys.exit(f"{unit}: MemoryDenyWriteExecute is not yes")
    known = 0
    for call in sorted(calls - guarded):
        try:
            made.add_rule(seccomp.ALLOW, call)
            known += 1
        except (RuntimeError, ValueError, OSError):
            pass  # A call of another architecture.
    # As in the unit, which allows it no more than this filter: on processors with several caches Mesa pins the threads of its software GPU, and
    # goes on where it may not.
    if "sched_setaffinity" not in calls:
        made.add_rule(seccomp.ERRNO(errno.EPERM), "sched_setaffinity")
    # Memory is never writable and executable at once, and what was written never becomes executable.
    made.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_WRITE | PROT_EXEC, 0))
    for part in (PROT_WRITE, PROT_EXEC):
        made.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_WRITE | PROT_EXEC, part))
    for call in ("mprotect", "pkey_mprotect"):
        made.add_rule(seccomp.ALLOW, call, seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
    families = {getattr(socket, name) for name in found["RestrictAddressFamilies"][0].split()}
    for family in range(45):
        action = seccomp.ALLOW if family in families else seccomp.ERRNO(errno.EAFNOSUPPORT)
        made.add_rule(action, "socket", seccomp.Arg(0, seccomp.EQ, family))
    with open(out, "wb") as file:
        made.export_bpf(file)
    print(f"{known} calls are allowed, of the families {' '.join(sorted(found['RestrictAddressFamilies'][0].split()))}")


main()
