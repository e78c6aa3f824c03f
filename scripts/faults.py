"""Crashes and faults of all kinds against the built program; prints one table. `scripts/faults.sh` runs it."""

import argparse
import signal
import time
from pathlib import Path

import faults_calls
import faults_clock
import faults_files
import faults_hangs
import faults_kills
import faults_service
from faults_site import Site

PARTS = {
    "kills": faults_kills.commands,
    "workers": faults_kills.workers,
    "service": faults_service.service,
    "cache": faults_kills.cache,
    "calls": faults_calls.calls,
    "reads": faults_calls.reads,
    "hangs": faults_hangs.hangs,
    "clock": faults_clock.clock,
    "disk": faults_files.disk,
    "replaced": faults_files.replaced,
    "flips": faults_files.flips,
    "many": faults_files.many,
}

# Most of its time is waiting for the lease of the service before.
NOT_QUICK = {"service"}


def main():
    parser = argparse.ArgumentParser(prog="scripts/faults.sh", description=__doc__)
    parser.add_argument("binary", type=Path, help="the program; without the feature rocksdb, no cache on disk is tried")
    parser.add_argument("--quick", action="store_true", help="10 kills of each command, and fewer of the other cases; without " + ", ".join(NOT_QUICK))
    parser.add_argument("--kills", type=int, help="kills of each command [default: 200]")
    parser.add_argument("--seed", type=int, default=1, help="where random moments begin")
    parser.add_argument("--only", help="parts, with commas between them: " + ", ".join(PARTS))
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--small", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    parts = args.only.split(",") if args.only else [part for part in PARTS if not (args.quick and part in NOT_QUICK)]
    if not set(parts) <= set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}")
    # A shell that starts this in the background has it ignored, and commands would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    site = Site(args.binary.resolve(), args.work, args.kills or (10 if args.quick else 200), args.seed)
    site.quick, site.library, site.small = args.quick, args.library, args.small
    with site:
        for part in parts:
            print(f"== {part}", flush=True)
            PARTS[part](site)
    if not args.only:
        # It injects faults into the device itself, which no library can do from outside.
        site.row("a GPU that is lost, hangs or runs out of memory: cargo test --test gpu faults", time.time(), "-")
    print()
    site.table()
    if site.faults:
        raise SystemExit(f"error: {len(site.faults)} faults, the first: {site.faults[0]}")
    print("faults: nothing lost, nothing wrong")


main()
