"""RunPod's API on loopback, for check.sh: version 2 as far as pods.sh uses it. Prints its port.

    fake_api.py TOKEN LOG

What it does with a new pod is by its name: limited is 429, broken 500, full a refusal for lack of capacity. Each request goes to LOG, with
its body and without the token. Where `ps` shows the token while a request is handled, LOG says so.
"""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

TOKEN, LOG = sys.argv[1], sys.argv[2]
PODS = []
REFUSED = {
    "limited": (429, "too many requests"),
    "broken": (500, "internal"),
    "full": (400, "There are no instances currently available"),
}


class Api(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        shown = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True).stdout
        with open(LOG, "a") as log:
            # This process has it among its own arguments.
            leaks = [line for line in shown.splitlines() if TOKEN in line and "fake_api.py" not in line]
            log.write(f"{self.command} {self.path} {body}{' LEAK' if leaks else ''}\n")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.send(401, {"title": "Unauthorized", "detail": "no such key"})
        if self.command == "GET" and self.path == "/v2/pods":
            return self.send(200, {"pods": PODS, "pagination": {"nextCursor": None, "hasNextPage": False}})
        if self.command == "POST" and self.path == "/v2/pods":
            pod = json.loads(body)
            if pod["name"] in REFUSED:
                status, detail = REFUSED[pod["name"]]
                return self.send(status, {"title": "refused", "status": status, "detail": detail})
            made = {"id": f"pod{len(PODS)}", "name": pod["name"], "status": "PROVISIONING", "gpu": pod["gpu"], "runtime": None}
            PODS.append(made)
            return self.send(201, made)
        for pod in PODS:
            if self.command == "POST" and self.path == f"/v2/pods/{pod['id']}/action":
                pod["status"] = {"stop": "EXITED"}[json.loads(body)["action"]]
                return self.send(200, pod)
        return self.send(404, {"title": "Not Found", "detail": "no such pod"})

    do_GET = do_POST = do_DELETE = answer

    def send(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Api)
print(server.server_address[1], flush=True)
server.serve_forever()
