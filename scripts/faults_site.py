"""What the fault tests share: slides made here, runs of the program, what stands in a folder, a server, the table."""

import http.client
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import png

# A run that takes longer hangs.
LIMIT_S = 600


def write_png(path, width, height, seed):
    """An RGB image of grains that differ from their neighbours; another one for each seed."""
    grains, rows = random.Random(seed), []
    while len(rows) < height:
        colours = [grains.randbytes(3) for _ in range(width // 12 + 1)]
        row = b"".join(colour * 12 for colour in colours)[: 3 * width]
        rows += [row] * 12

    png.write(path, width, height, b"".join(rows[:height]), level=1)


def contents(folder):
    """All files below a folder with their bytes, by relative path. A file may go while this looks."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def hidden(folder):
    """Temporary files and folders of the program below a folder."""
    return sorted(str(path) for path in Path(folder).rglob("*") if ".part" in path.name)


class Site:
    """The program, a scratch folder, and the table of what was seen."""

    def __init__(self, origami, work, kills, seed):
        self.origami, self.work, self.kills, self.random = str(origami), Path(work), kills, random.Random(seed)
        # So that no GPU driver is loaded.
        self.env = {**os.environ, "NODEVICE_SELECT": "1"}
        self.rows, self.faults, self.servers = [], [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Whatever happened, no server outlives this."""
        for server in self.servers:
            server.kill()

    def folder(self, name):
        made = self.work / name
        made.mkdir(parents=True)
        return made

    def start(self, *args, **more):
        more = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": self.env, **more}
        return subprocess.Popen([self.origami, *map(str, args)], stdin=subprocess.DEVNULL, **more)

    def run(self, *args, **more):
        """Runs the program to its end: exit code, standard output, standard error."""
        child = self.start(*args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        try:
            out, err = child.communicate(timeout=LIMIT_S)
        finally:
            child.kill()
            child.wait()
        return child.returncode, out.decode(errors="replace"), err.decode(errors="replace")

    def made(self, *args):
        """Runs what must succeed."""
        code, out, err = self.run(*args)
        if code != 0:
            raise SystemExit(f"error: {args}: exit code {code}: {err}")
        return out

    def wrong(self, what):
        """Remembers a fault. All are shown at the end."""
        self.faults.append(what)
        print(f"  WRONG: {what}", flush=True)

    def row(self, what, began, cases, lost="-", wrong=0, note=""):
        self.rows.append((what, cases, lost, wrong, f"{time.time() - began:.0f}", note))
        print(f"  {what}: {cases} cases, {lost} lost, {wrong} wrong {note}", flush=True)

    def has_feature(self, name):
        """Whether the program was built with it: the first line of `doctor` lists its features."""
        return re.search(rf"[ (]{name}[,)]", self.run("doctor")[1].split("\n", 1)[0]) is not None

    def skipped(self, what, why):
        print(f"SKIPPED: {what}: {why}", flush=True)
        self.rows.append((what, "SKIPPED", "", "", "", why))

    def table(self):
        rows = [("what", "cases", "lost", "wrong", "seconds", "")] + [tuple(map(str, row)) for row in self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        for row in rows:
            cells = [row[0].ljust(widths[0]), *(row[n].rjust(widths[n]) for n in range(1, 5)), row[5]]
            print("  ".join(cells).rstrip())


class Server:
    """`origami serve` over a folder, on a free port of loopback."""

    def __init__(self, site, root, *flags, env=None, limit_files=None):
        args = [site.origami, "serve", "--slides-root", str(root), "--port", "0", "--backend", "cpu", *map(str, flags)]
        if limit_files:
            args = ["sh", "-c", f'ulimit -n {limit_files} && exec "$0" "$@"', *args]
        self.log = open(site.work / "server.log", "w+b")
        self.process = subprocess.Popen(
            args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, env={**site.env, "RUST_LOG": "warn", **(env or {})}
        )
        site.servers.append(self)
        said = self.process.stdout.readline().decode()
        found = re.search(r"http://([^\s/]+)", said)
        if not found:
            self.kill()
            raise SystemExit(f"error: the server says {said!r}: {self.complaints()}")
        self.address = found.group(1)

    def get(self, path, timeout=60, connection=None):
        """Status, headers and body; `None` where there is no server any more."""
        use = connection or http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            use.request("GET", path)
            reply = use.getresponse()
            return reply.status, reply.headers, reply.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            if not connection:
                use.close()

    def status(self, path):
        reply = self.get(path)
        return reply[0] if reply else None

    def figure(self, name):
        """A figure of `/metrics`, the sum over its labels."""
        text = self.get("/metrics")[2].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def complaints(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def end(self):
        """Asks the server to end; its exit code and the seconds that took."""
        began = time.time()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=LIMIT_S)
        finally:
            self.kill()
        return code, time.time() - began
