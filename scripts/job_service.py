"""A stand-in for the render service, as docs/render-service.md describes it, before a tile server: what it does not know goes there.

A job goes one step with each question for its state, so that no test waits for time to pass. A caption with "REFUSE" in it is refused,
one with "FAIL" fails. The result of every job is the same file.
"""

import http.server
import json
import threading
import urllib.error
import urllib.parse
import urllib.request

STEPS = [("queued", 0), ("processing", 10), ("processing", 55), ("completed", 100)]


class Service:
    """The jobs, and what was asked for."""

    def __init__(self, behind, video):
        self.behind, self.video = behind, video
        self.jobs, self.requests = {}, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"service": self}))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def submit(self, request):
        self.requests.append(request)
        texts = [cue["text"] for cue in request["scenario"].get("cues", [])]
        if any("REFUSE" in text for text in texts):
            return 400, {"error": {"code": "SCENARIO_PARSE_ERROR", "message": "scenario.cues[0].text: it cannot be drawn",
                                   "details": {"context": "line 1, column 9", "suggestion": "write something else"}}}
        job = {"job_id": request["jobId"], "kind": "render", "step": 0, "fails": any("FAIL" in text for text in texts), "cancelled": False}
        self.jobs[job["job_id"]] = job
        return 202, {"status": "accepted", "job_id": job["job_id"], "message": "queued at place 1", "estimated_time": 4.0}

    def state(self, job):
        status, progress = STEPS[job["step"]]
        error, result = None, None
        if job["cancelled"]:
            status, error = "cancelled", {"code": "CANCELLED", "message": "it was cancelled"}
        elif job["fails"] and job["step"] >= 2:
            status = "failed"
            error = {"code": "RENDER_ERROR", "message": "ffmpeg cannot code frames 0 to 9: broken pipe",
                     "details": {"context": "attempt 3", "suggestion": "look at the log of the service"}}
        elif status == "completed":
            download = f"/api/render/{urllib.parse.quote(job['job_id'], safe='')}/result"
            result = {"url": "/results/video.mp4", "download": download, "bytes": len(self.video), "frames": 20}
        warnings = [{"place": "scenario.cues[0].mood", "problem": "this field is not known"}] if job["step"] else []
        return {"job_id": job["job_id"], "kind": "render", "status": status, "progress": float(progress), "frames_done": progress // 5,
                "frames_total": 20, "estimated_time": None if status == "queued" else 4.0 - progress / 25, "position": 1 if status == "queued" else None,
                "attempt": min(job["step"], 1), "message": "", "submitted_at": "2026-01-31T12:00:00Z", "started_at": None, "finished_at": None,
                "result": result, "error": error, "warnings": warnings, "callback": {"state": "none", "tries": 0}}

    def status(self, job):
        state = self.state(job)
        job["step"] = min(job["step"] + 1, len(STEPS) - 1)
        return 200, state

    def cancel(self, job):
        if self.state(job)["status"] in ("completed", "failed", "cancelled"):
            return 409, {"error": {"code": "CONFLICT", "message": "it has ended"}}
        job["cancelled"] = True
        return 200, self.state(job)

    def queue(self):
        states = [{**self.state(job), "waiting_time": 1.5} for job in self.jobs.values()]
        under_way = [state for state in states if state["status"] in ("queued", "processing")]
        ended = [state for state in reversed(states) if state not in under_way]
        return 200, {"queue_length": len(under_way), "processing": 0, "max_concurrent_jobs": 3, "average_wait_time": 1.5,
                     "estimated_time": 4.0, "jobs": under_way, "recent": ended}


class Handler(http.server.BaseHTTPRequestHandler):
    """Addresses of the service; the others are those of the server behind it."""

    service = None

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def json(self, status, value):
        self.answer(status, json.dumps(value).encode(), [("content-type", "application/json")])

    def job(self):
        """The job of an address and what is asked of it."""
        parts = urllib.parse.urlsplit(self.path).path.split("/")
        if parts[:3] != ["", "api", "render"] or len(parts) != 5:
            return None, None
        return self.service.jobs.get(urllib.parse.unquote(parts[3])), parts[4]

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if urllib.parse.urlsplit(self.path).path == "/render":
            return self.json(*self.service.submit(json.loads(body)))
        job, what = self.job()
        if job and what == "cancel":
            return self.json(*self.service.cancel(job))
        return self.json(404, {"error": {"code": "NOT_FOUND", "message": "no such job"}})

    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path == "/queue/status":
            return self.json(*self.service.queue())
        job, what = self.job()
        if what == "result" and job:
            return self.answer(200, self.service.video, [("content-type", "video/mp4")])
        if what == "status":
            return self.json(*(self.service.status(job) if job else (404, {"error": {"code": "NOT_FOUND", "message": "no such job"}})))
        kept = {name: value for name, value in self.headers.items() if name.lower() in ("if-none-match", "accept")}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.service.behind + self.path, headers=kept)) as got:
                status, headers, body = got.status, got.headers, got.read()
        except urllib.error.HTTPError as error:
            status, headers, body = error.code, error.headers, error.read()
        dropped = ("content-length", "transfer-encoding", "connection", "date")
        return self.answer(status, body, [(name, value) for name, value in headers.items() if name.lower() not in dropped])
