"""Asks a server for one of everything: `unit_client.py ADDRESS SLIDES`. Fails at the first answer that is not what it should be."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def ask(method: str, address: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(address, data=body, method=method, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def main() -> None:
    server, slides = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    asked = 0

    def get(path: str, begins: bytes = b"") -> bytes:
        nonlocal asked
        asked += 1
        status, body = ask("GET", server + path)
        if status != 200 or not body.startswith(begins):
            sys.exit(f"error: GET {path} gave {status}: {body[:200]!r}")
        return body

    names = {path.stem for path in slides.iterdir() if not path.name.endswith("_files")}
    for path in ("/", "/readyz", "/healthz", "/metrics", "/assets/viewer.js"):
        get(path)
    listed = json.loads(get("/api/slides"))
    found = {slide["name"] for slide in (listed["slides"] if isinstance(listed, dict) else listed)}
    if found != names:
        sys.exit(f"error: the server has {sorted(found)}, the folder {sorted(names)}")
    for name in sorted(names):
        get(f"/viewer/{name}")
        get(f"/dzi/{name}.dzi", b"<?xml")
        facts = json.loads(get(f"/api/slides/{name}"))
        top = (max(facts["width"], facts["height"]) - 1).bit_length()
        for level in range(top - 4, top + 1):
            get(f"/dzi/{name}_files/{level}/0_0.jpg", b"\xff\xd8")
        get(f"/iiif/3/{name}/100,100,300,200/150,/0/default.jpg", b"\xff\xd8")
        get(f"/iiif/3/{name}/info.json", b"{")
        mark = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 6]}, "properties": {"objectType": "annotation"}}
        change = json.dumps({"changes": [{"id": "a", "revision": 0, "feature": mark}]}).encode()
        status, body = ask("PATCH", f"{server}/api/slides/{name}/annotations", change, Content_Type="application/json")
        if status != 200:
            sys.exit(f"error: a mark of {name} gave {status}: {body[:300]!r}")
        get(f"/api/slides/{name}/annotations", b"{")
    print(f"{asked} answers of {len(names)} slides")


main()
