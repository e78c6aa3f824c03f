"""What the checks of `origami convert` share: runs of a program, the rows that are printed, how far pixels are apart."""

import subprocess
import sys

import numpy

# In the last column and row a reader may raise chroma from a hidden sample.
EDGE_LIMIT = 16
failures = []


def run(*command):
    """What a program prints; ends the script where it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


def report(name, what, problem):
    """Prints a row; `problem` is empty where all is equal."""
    if problem:
        failures.append(name)
    print(f"{name:24} {what:10} {problem or 'equal'}", flush=True)


def difference(want, got):
    """What differs in two images, in words."""
    if want.shape != got.shape:
        return f"it is {got.shape}, not {want.shape}"
    apart = numpy.abs(want.astype(int) - got.astype(int)).max(axis=2)
    inside, edge = apart[:-1, :-1].max(initial=0), apart.max(initial=0)
    if inside > 0:
        y, x = numpy.argwhere(apart[:-1, :-1] > 0)[0]
        return f"{int((apart > 0).sum())} pixels differ, by {inside} at most inside, the first at {x}, {y}"
    return f"the last column or row differs by {edge}" if edge > EDGE_LIMIT else ""


def end():
    """Ends the script, with 1 where a row has a problem."""
    print(f"{len(failures)} failures")
    sys.exit(bool(failures))
