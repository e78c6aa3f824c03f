"""Renders a tour of one minute and one of ten to their ends, and compares the peak memory of the program and of its ffmpeg.

    tour_memory.py BINARY SLIDE WORK [WIDTHxHEIGHT]

Prints both, and fails where the longer tour takes more than one and a half times as much, where frames are missing, or where files are left.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading

PERIOD_S = 0.1
FPS = 30


def tour(slide: str, seconds: int, width: int, height: int) -> dict:
    """A camera that moves and zooms all the time, with a caption every four seconds."""
    places = [[900, 900], [1300, 1500], [700, 2000], [1500, 1000]]
    camera = [
        {"time": time, "center": places[time // 10 % 4], "downsample": [4, 1, 2, 0.8][time // 10 % 4]}
        for time in range(0, seconds + 1, 10)
    ]
    cues = [{"text": f"Caption {start}", "start": start, "end": start + 3} for start in range(0, seconds, 4)]
    options = {"width": width, "height": height, "fps": FPS, "duration": seconds}
    return {"slide": slide, "camera": camera, "cues": cues, "options": options}


def memory(pid: int, field: str) -> int:
    """A field of a process's memory in bytes; 0 once it has ended."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(f"{field}:")), 0)


def children(pid: int) -> list[int]:
    """The processes that a process has started from any of its threads."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(number) for number in task.read_text().split()]
        except OSError:
            continue
    return found


class Peak(threading.Thread):
    """Looks at the memory of a process and its children until it ends."""

    def __init__(self, pid: int):
        super().__init__()
        self.pid, self.over = pid, threading.Event()
        self.program = self.encoders = 0

    def run(self) -> None:
        while not self.over.wait(PERIOD_S):
            self.program = max(self.program, memory(self.pid, "VmHWM"))
            self.encoders = max(self.encoders, sum(memory(child, "VmRSS") for child in children(self.pid)))


def render(binary: str, slide: str, work: pathlib.Path, seconds: int, size: tuple[int, int]) -> tuple[int, int]:
    """Peak bytes of the program, and of its ffmpegs together."""
    document, video = work / f"{seconds}.json", work / f"{seconds}.mp4"
    document.write_text(json.dumps(tour(slide, seconds, *size)))
    command = [binary, "tour", "render", str(document), "--out", str(video), "--overwrite", "--encoder", "x264"]
    before = set(os.listdir(work))
    process = subprocess.Popen([*command, "--workers", "2", "--json", "--quiet"], stdout=subprocess.PIPE, text=True)
    peak = Peak(process.pid)
    peak.start()
    report, _ = process.communicate()
    peak.over.set()
    peak.join()
    if process.returncode != 0:
        raise SystemExit(f"the tour of {seconds} s ends with {process.returncode}")
    frames = json.loads(report)["frames"]
    if frames != seconds * FPS:
        raise SystemExit(f"{frames} frames of {seconds * FPS}")
    left = set(os.listdir(work)) - before - {video.name}
    if left:
        raise SystemExit(f"files are left: {left}")
    if not (peak.program and peak.encoders):
        raise SystemExit("no memory was seen: this needs /proc/PID/status and /proc/PID/task/TID/children of Linux")
    print(
        f"{seconds:4} s, {frames} frames of {size[0]}x{size[1]}: program {peak.program / 2**20:.0f} MiB, "
        f"ffmpeg {peak.encoders / 2**20:.0f} MiB at most"
    )
    return peak.program, peak.encoders


def main() -> None:
    binary, slide, work = sys.argv[1], os.path.abspath(sys.argv[2]), pathlib.Path(sys.argv[3])
    width, height = map(int, (sys.argv[4] if len(sys.argv) > 4 else "1920x1080").split("x"))
    short, long = (render(binary, slide, work, seconds, (width, height)) for seconds in (60, 600))
    for name, one, ten in zip(("program", "ffmpeg"), short, long):
        print(f"{name}: ten minutes take {ten / one:.2f} times the memory of one")
        # Whether the peaks of both workers fall together is chance, and more likely in ten minutes; what is kept for each frame would be
        # tenfold.
        if ten > 1.5 * one:
            raise SystemExit(f"the memory of {name} grows with the tour")


main()
