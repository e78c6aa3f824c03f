"""A render service that is killed: no job that it has accepted is lost, and each result is whole."""

import http.client
import json
import socket
import time
import urllib.error
import urllib.parse
import urllib.request

from faults_kills import LEASE, slides_of_workers

# How long all jobs of a round may take once the service is left alone.
PATIENCE_S = 120


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Service:
    """`origami jobs serve` on a port of loopback."""

    def __init__(self, site, slides, out):
        self.port = free_port()
        self.process = site.start(
            "jobs", "serve", "--host", "127.0.0.1", "--port", self.port, "--slides", slides, "--out", out,
            "--lease", LEASE, "--attempts", 1000, "--max-jobs", 2,
        )

    def ask(self, path, body=None):
        """Status and body; `None` where there is no service, or not any more."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (OSError, http.client.HTTPException):
            return None

    def is_up(self, site):
        """Waits until it answers."""
        until = time.time() + PATIENCE_S
        while self.ask("/health") is None:
            if self.process.poll() is not None or time.time() > until:
                site.wrong(f"jobs serve: it does not start: exit code {self.process.poll()}")
                return False
            time.sleep(0.02)
        return True

    def kill(self):
        """Whether it was at work until then."""
        self.process.kill()
        return self.process.wait() < 0


def service(site):
    """Jobs are submitted while the service is killed again and again; then it is left alone until all have ended."""
    began, folder = time.time(), site.folder("service")
    good = slides_of_workers(site, folder)
    names = {f"{path.rsplit('/', 1)[1]}": files["residual_packs/residuals.bundle"] for path, files in good.items()}
    kills, lost, wrong, accepted, rounds = 0, 0, 0, 0, 0
    while kills < site.kills:
        out, known = folder / f"out{rounds}", set()
        rounds += 1
        waiting = [(f"{name} {number}", name) for number in range(2) for name in names]
        site.random.shuffle(waiting)
        for _ in range(max(site.kills // 4, 8)):
            server = Service(site, folder / "slides", out)
            if not server.is_up(site):
                break
            until = time.time() + site.random.uniform(0.05, 0.6)
            while waiting and time.time() < until:
                job, name = waiting[-1]
                reply = server.ask("/encode", {"jobId": job, "source": name, "options": {"tile": 64}})
                if reply is None:
                    break
                if reply[0] != 202:
                    site.wrong(f"jobs serve: {job}: {reply}")
                known.add(waiting.pop())
                # Some wait until the next start of the service.
                if site.random.random() < 0.3:
                    break
            time.sleep(max(0, until - time.time()))
            kills += server.kill()
        server = Service(site, folder / "slides", out)
        if not server.is_up(site):
            break
        accepted += len(known)
        until = time.time() + PATIENCE_S
        for job, name in sorted(known):
            path = "/api/render/" + urllib.parse.quote(job, safe="")
            state = {"status": "unknown"}
            while time.time() < until:
                status, body = server.ask(path + "/status") or (0, b"{}")
                state = json.loads(body) if status == 200 else {"status": f"answer {status}"}
                if status != 200 or state["status"] in ("completed", "failed", "cancelled"):
                    break
                time.sleep(0.05)
            if state["status"] != "completed":
                lost += 1
                site.wrong(f"jobs serve: {job} was accepted, and is {state}")
            elif (server.ask(path + "/result") or (0, b""))[1] != names[name]:
                wrong += 1
                site.wrong(f"jobs serve: {job}: the result is not what encode makes")
        server.kill()
    site.row("kill -9 of jobs serve", began, kills, lost, wrong, f"{accepted} jobs accepted, on {rounds} queues")
