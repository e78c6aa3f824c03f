"""A slide of a server: what `_native.Slide` is of a file, over HTTP. Pixels come from `/api/slides/{slide}/region`, decoded, so they are those of the file."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from io import BytesIO
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from ._errors import DamagedError, FileError, MissingFileError, OrigamiError

if TYPE_CHECKING:
    import numpy as np

# Sides of the parts that a read is asked for in, in pixels of the level: a multiple of families, and far below the limits of a server.
_PART_PX = 2048
# Parts on their way at a time.
_AT_ONCE = 4
# A server that is busy says when to come again. So often it is believed, and so long it is waited for.
_TRIES = 5
_MOST_WAIT_S = 10.0
_TIMEOUT_S = 60.0
_ADVICE = {401: "give a token: storage_options={'headers': {'Authorization': 'Bearer TOKEN'}}, or a signed address", 403: "the token or signature is not for this slide"}


class ServedSlide:
    """An open slide of a server, with the interface of `_native.Slide`. It pickles by its address; pixels that were changed meanwhile are refused.

    address: `http://server/slide`, or the address of the slide in the viewer. A query, such as a signature or a view, is sent along.
    headers: sent with every request.

    Raises MissingFileError where the server has no such slide, FileError where there is no server, OrigamiError for what it refuses.
    """

    kind = "bundle"

    def __init__(self, address: str, headers: Mapping[str, str] | None = None, version: str | None = None) -> None:
        self.path, self._headers, self.closed = address, dict(headers or {}), False
        # Connections that wait for a request, of the process that opened them.
        self._idle: list[HTTPConnection] = []
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._url = urlsplit(address)
        self._about, self._prefix, self._name = self._found()
        self.version = str(self._about["version"])
        if version is not None and version != self.version:
            raise OrigamiError(f"{address}: it was changed after it was opened; open it again")
        self.kind = "bundle" if self._about["encoded"] else "slide"
        self.vendor = "origami"
        tile = int(self._about["tile_size"])
        levels = [(int(level["width"]), int(level["height"])) for level in reversed(self._about["levels"])]
        # Down to the first that is one tile, as of a file.
        self.levels = levels[: sum(max(size) > tile for size in levels) + 1]
        self.downsamples = [float(1 << level) for level in range(len(self.levels))]
        microns = self._about["microns_per_pixel"]
        self.microns_per_pixel = None if microns is None else _pair(microns)
        power = self._about["objective_power"]
        self.objective_power = None if power is None else float(power)
        self.tile = (tile, tile)
        self.associated_names = [str(name) for name in self._about["associated"]]
        self.warnings = [str(warning)] if (warning := self._about["warning"]) else []
        # Whatever changes pixels changes it.
        self.content: str | None = self.version

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self._headers, self.version)

    def close(self) -> None:
        """Ends its connections."""
        self.closed = True
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __del__(self) -> None:
        # It may have failed before it had any.
        for connection in getattr(self, "_idle", ()):
            connection.close()

    @property
    def icc_profile(self) -> bytes | None:
        """The colour profile that pictures of the slide carry."""
        if self._about["icc"] is None:
            return None
        profile = self._picture(f"/thumbnails/{self._name}").info.get("icc_profile")
        return bytes(profile) if profile else None

    def associated(self, name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Another image of the slide, as RGB."""
        import numpy as np

        return np.array(self._picture(f"/associated/{self._name}/{quote(name, safe='')}").convert("RGB"))

    def read_rgb(
        self, x: int, y: int, level: int, width: int, height: int, *, fill: int = 255, alone: bool = False
    ) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """A region of a level in RGB. `x` and `y` count pixels of the full resolution. What lies beyond the slide is `fill`."""
        return self._read(x, y, level, width, height, fill)[0]

    def read_rgba(self, x: int, y: int, level: int, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """As `read_rgb` in RGBA: what lies beyond the slide is transparent black."""
        import numpy as np

        rgb, (columns, rows) = self._read(x, y, level, width, height, 0)
        alpha = np.zeros((height, width, 1), np.uint8)
        alpha[rows, columns] = 255
        return np.concatenate((rgb, alpha), axis=2)

    def _read(
        self, x: int, y: int, level: int, width: int, height: int, fill: int
    ) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], tuple[slice, slice]]:
        """A region, and the columns and rows of it that lie in the slide."""
        import numpy as np

        if self.closed:
            raise ValueError(f"{self.path}: the slide is closed; open it again")
        if level >= len(self.levels):
            raise IndexError(f"there is no level {level}: the slide has {len(self.levels)}")
        pixels = np.full((height, width, 3), fill, np.uint8)
        # Halves away from zero, as for files.
        left, top = (int(abs(at) / self.downsamples[level] + 0.5) * (1 if at >= 0 else -1) for at in (x, y))
        columns, rows = (slice(max(0, -at), max(0, min(own - at, most))) for at, own, most in zip((left, top), self.levels[level], (width, height), strict=True))

        def fetch(part: tuple[int, int]) -> None:
            column, row = part
            w, h = min(_PART_PX, columns.stop - column), min(_PART_PX, rows.stop - row)
            pixels[row : row + h, column : column + w] = self._part(level, left + column, top + row, w, h)

        parts = list(product(_starts(columns), _starts(rows)))
        if len(parts) == 1:
            fetch(parts[0])
        elif parts:
            with ThreadPoolExecutor(min(_AT_ONCE, len(parts))) as pool:
                list(pool.map(fetch, parts))
        return pixels, (columns, rows)

    def _part(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """A part of a level that lies inside of it."""
        import numpy as np

        full_width, full_height = self.levels[0]
        left, top = x << level, y << level
        w, h = min((x + width) << level, full_width) - left, min((y + height) << level, full_height) - top
        asked = f"x={left}&y={top}&w={w}&h={h}&level={level}&format=raw"
        body = self._get(f"/api/slides/{self._name}/region", asked)
        if len(body) != 3 * width * height:
            raise DamagedError(f"{self.path}: {len(body)} bytes came for {width}x{height} pixels of level {level}: the server is of another version")
        return np.frombuffer(body, np.uint8).reshape(height, width, 3)

    def _picture(self, path: str) -> Any:
        from PIL import Image

        return Image.open(BytesIO(self._get(path)))

    def _found(self) -> tuple[dict[str, Any], str, str]:
        """What the server says of the slide, the path of the server itself, and the slide's name as a segment of paths."""
        steps = [unquote(step) for step in self._url.path.split("/") if step]
        if "viewer" in steps[:-1]:
            steps.remove("viewer")
        # A slide in a folder has a name with slashes, and a server behind a proxy a path of its own: whatever is there.
        for own in range(len(steps)):
            prefix, name = "".join(f"/{quote(step)}" for step in steps[:own]), quote("/".join(steps[own:]), safe="")
            status, body = self._answer(f"{prefix}/api/slides/{name}", "")
            if status == 404:
                continue
            if status != 200:
                raise self._refused(status, body)
            try:
                about = json.loads(body)
                if isinstance(about, dict) and {"levels", "version", "tile_size"} <= about.keys():
                    return about, prefix, name
            except ValueError:
                pass
        raise MissingFileError(f"{self.path}: no `origami serve` there has such a slide; its list is at {self._url.scheme}://{self._url.netloc}/api/slides")

    def _get(self, path: str, query: str = "") -> bytes:
        """The body at a path below the server's own. Raises what a refusal means."""
        status, body = self._answer(self._prefix + path, query)
        if status != 200:
            raise self._refused(status, body)
        return body

    def _refused(self, status: int, body: bytes) -> OrigamiError:
        try:
            said = str(json.loads(body)["error"])
        except (ValueError, KeyError, TypeError):
            said = body[:200].decode(errors="replace").strip()
        advice = f"; {_ADVICE[status]}" if status in _ADVICE else ""
        kind = MissingFileError if status == 404 else OrigamiError
        return kind(f"{self.path}: the server answers {status}: {said}{advice}")

    def _answer(self, path: str, query: str) -> tuple[int, bytes]:
        """Status and body. Comes again where the server is busy, or has closed a connection that was idle."""
        target = path + "?" + "&".join(part for part in (query, self._url.query) if part)
        for left in reversed(range(_TRIES)):
            try:
                status, headers, body = self._request(target.rstrip("?"))
            except (OSError, HTTPException) as error:
                # The first one may have been closed while it was idle.
                if left < _TRIES - 2:
                    raise FileError(f"{self.path}: {self._url.netloc} does not answer: {error}; is the server running?") from error
                continue
            if status != 503 or not left:
                return status, body
            time.sleep(min(float(headers.get("Retry-After") or 1), _MOST_WAIT_S))
        raise FileError(f"{self.path}: {self._url.netloc} does not answer")

    def _request(self, target: str) -> tuple[int, HTTPMessage, bytes]:
        """Asks on a connection that is idle, or on a new one."""
        with self._lock:
            if self._process != os.getpid():
                # Those of the process that forked are its own.
                self._idle, self._process = [], os.getpid()
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            of = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
            connection = of(self._url.netloc, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", target, headers=self._headers)
            reply = connection.getresponse()
            body = reply.read()
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return reply.status, reply.headers, body


def _starts(span: slice) -> Iterator[int]:
    """Where the parts of a side begin."""
    return iter(range(span.start, span.stop, _PART_PX))


def _pair(value: Any) -> tuple[float, float]:
    """Microns per pixel across and down."""
    if isinstance(value, (int, float)):
        return float(value), float(value)
    x, y = value
    return float(x), float(y)
