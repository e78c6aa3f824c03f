"""The render service on a queue of a NATS server: a job outlives a service that is killed in the middle of it, and ends once; a second
service beside one that works is refused.

    service_nats.py ORIGAMI QUEUE

QUEUE is nats://HOST:PORT/NAME. Says SKIPPED without ffmpeg.
"""

import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

# How long to wait for anything.
SECONDS = 180
# Long enough to be killed in its middle on a quick machine.
SECONDS_OF_VIDEO = 30
FRAMES = 20 * SECONDS_OF_VIDEO


def command(origami, queue, folder):
    return [origami, "jobs", "serve", "--host", "127.0.0.1", "--port", "0", "--queue", queue, "--out", folder / "results",
               "--slides", folder / "slides", "--temp-dir", folder / "temp", "--lease", "2s", "--backend", "cpu"]


@contextlib.contextmanager
def service(origami, queue, folder):
    """A running service; its address and its process."""
    process = subprocess.Popen(command(origami, queue, folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in process.stdout:
            if " on http://" in line:
                yield line.split(" on ")[1].strip(), process
                return
        raise SystemExit("error: the service has ended before it says where it listens")
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()


def ask(address, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def wait(address, condition, what):
    until = time.monotonic() + SECONDS
    while True:
        status = ask(f"{address}/api/render/one/status")
        if condition(status):
            return status
        if status["status"] == "failed" or time.monotonic() > until:
            raise SystemExit(f"error: waited in vain for {what}: {status}")
        time.sleep(0.05)


def main():
    origami, queue = sys.argv[1:]
    if not shutil.which("ffmpeg"):
        print("SKIPPED: the render service on NATS: no ffmpeg here")
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="origami-service-"))
    try:
        (folder / "slides").mkdir()
        subprocess.run([origami, "bench", "slide", folder / "slides" / "a.png", "--size", "2000x1500"], check=True)
        tour = {"jobId": "one", "slide": "a.png", "options": {"width": 1280, "height": 720, "fps": 20},
                "scenario": {"camera": [{"time": 0}, {"time": SECONDS_OF_VIDEO, "center": [900, 700], "downsample": 0.5}]}}
        with service(origami, queue, folder) as (address, process):
            accepted = ask(f"{address}/render", tour)
            if accepted["status"] != "accepted":
                raise SystemExit(f"error: the answer is {accepted}")
            wait(address, lambda status: 0 < (status["frames_done"] or 0) < FRAMES / 2, "the first half")
            second = subprocess.run(command(origami, queue, folder), capture_output=True, text=True, timeout=SECONDS)
            if second.returncode != 1 or "another service works with this queue" not in second.stderr:
                raise SystemExit(f"error: a second service ends with {second.returncode}: {second.stderr}")
            process.kill()
        with service(origami, queue, folder) as (address, _):
            done = wait(address, lambda status: status["status"] == "completed", "the end after the kill")
            if done["frames_done"] != FRAMES or done["result"]["frames"] != FRAMES:
                raise SystemExit(f"error: the job ended as {done}")
            # That of the killed one goes when the other counts.
            attempts = sum(1 for _ in (folder / "results" / "units").glob("*/attempts/*"))
            if attempts != 1:
                raise SystemExit(f"error: {attempts} attempts are there")
            left = ask(f"{address}/queue/status")
            if left["jobs"] or len(left["recent"]) != 1 or list((folder / "temp").iterdir()):
                raise SystemExit(f"error: something is left: {left}")
        print(f"the render service on NATS: a second one was refused, a job outlived a kill, {FRAMES} frames by another attempt, nothing in the temporary folder")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
