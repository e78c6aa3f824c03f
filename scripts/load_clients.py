"""Clients of a tile server that behave in every way, in one thread: good ones compare what they get, bad ones see how they are dealt with."""

import asyncio
import hashlib
import itertools
import random
import socket
import time
from collections import Counter

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from load_http import ANSWER_S, connect, read_answer
from load_marks import marking, marks_read

# A client that sends nothing has 15 seconds, one that takes nothing 30; a machine with other work may take longer to see it.
CLOSED_WITHIN_S = 180
# An image waits for 60 seconds at most, and then 30 for a client that takes nothing.
UNREAD_S = 95
# A head that took this client longer than this, because the machine has other work, may have been too late for the server.
IN_TIME_S = 12
# Seconds after a stall of this process in which connections that ended are put down to it.
LATE_S = 30
STREAMS = 4
SAMPLES = 20_000


def right(body):
    return hashlib.sha256(body).digest()


class Seen:
    """What the clients have seen."""

    def __init__(self, wanted, images, seed):
        """`wanted` has the hash of each tile by kind and address, `images` that of each image."""
        self.wanted, self.images, self.random = wanted, images, random.Random(seed)
        self.counts, self.faults, self.times = Counter(), [], {}
        self.over, self.late = False, float("-inf")
        # Marks that writers know to be there, by id, as pairs of revision and feature; those that a change is under way of are not in it.
        self.marks, self.writers = {}, itertools.count()

    def choose(self):
        """A kind of request, its address, and the hash of its body; none of what is not there."""
        kind = self.random.choices(("hot", "warm", "cold", "404"), (40, 25, 30, 5))[0]
        if kind == "404":
            # Beyond the columns that the slide has.
            number = self.random.randrange(1000, 1 << 20)
            return kind, self.random.choice((f"/tiles/large/13/{number}_0.jpg", f"/tiles/{number}/9/0_0.jpg", f"/nothing/{number}")), None
        path = self.random.choice(self.wanted[kind][0])
        return kind, path, self.wanted[kind][1][path]

    def took(self, kind, began):
        """Counts an answer, and the time that it took."""
        took = time.monotonic() - began
        times = self.times.setdefault(kind, [])
        if len(times) < SAMPLES:
            times.append(took)
        elif self.random.random() < SAMPLES / (self.counts[kind] + 1):
            times[self.random.randrange(SAMPLES)] = took
        self.counts[kind] += 1

    def answer(self, kind, path, want, status, headers, body, began):
        self.took(kind, began)
        if status == 503 and "retry-after" in headers:
            self.counts[f"{kind}: told to come again"] += 1
        elif status != (200 if want else 404) or (want and right(body) != want):
            self.fault(f"{kind} {path}: {status}, {len(body)} bytes")

    def fault(self, what):
        self.counts["faults"] += 1
        if len(self.faults) < 20:
            self.faults.append(what)


async def good(seen, address, choose):
    """One connection of HTTP/1.1, one request after the other; a new connection now and then."""
    while not seen.over:
        # When this connection was last of use.
        quiet = time.monotonic()
        reader, writer = await connect(address)
        try:
            for number in range(seen.random.randrange(1, 400)):
                if seen.over:
                    break
                kind, path, want = choose()
                began = time.monotonic()
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                    status, headers, body = await asyncio.wait_for(read_answer(reader), ANSWER_S)
                except (ConnectionError, asyncio.IncompleteReadError) as error:
                    # A connection may be closed where nothing was asked for so long: this client asks again.
                    if getattr(error, "partial", b"") or began - quiet < IN_TIME_S:
                        raise
                    seen.counts["closed between two requests"] += 1
                    break
                seen.answer(kind, path, want, status, headers, body, began)
                quiet = time.monotonic()
                if headers.get("connection") == "close":
                    break
        finally:
            writer.close()


async def multiplexed(seen, address):
    """One connection of HTTP/2 with several requests at a time."""
    while not seen.over:
        reader, writer = await connect(address)
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        http.initiate_connection()
        open_streams, left = {}, seen.random.randrange(1, 400)
        try:
            while open_streams or left > 0:
                while left > 0 and len(open_streams) < STREAMS:
                    kind, path, want = seen.choose()
                    stream = http.get_next_available_stream_id()
                    http.send_headers(stream, [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "x")], end_stream=True)
                    open_streams[stream], left = [kind, path, want, time.monotonic(), 0, {}, b""], left - 1
                writer.write(http.data_to_send())
                data = await asyncio.wait_for(reader.read(1 << 16), ANSWER_S)
                if not data:
                    raise ConnectionResetError("closed in the middle of an answer")
                for event in http.receive_data(data):
                    take(seen, http, open_streams, event)
                if seen.over:
                    left = 0
        finally:
            writer.close()


def take(seen, http, open_streams, event):
    if isinstance(event, h2.events.ResponseReceived):
        headers = dict(event.headers)
        open_streams[event.stream_id][4:6] = int(headers[":status"]), headers
    elif isinstance(event, h2.events.DataReceived):
        open_streams[event.stream_id][6] += event.data
        http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    elif isinstance(event, h2.events.StreamEnded):
        kind, path, want, began, status, headers, body = open_streams.pop(event.stream_id)
        seen.counts["over HTTP/2"] += 1
        seen.answer(kind, path, want, status, headers, body, began)
    elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
        raise ConnectionResetError(f"{event}")


async def closed(seen, what, reader):
    """Waits until the server ends the connection; a good server does so in time. What it sent."""
    began, said = time.monotonic(), b""
    try:
        while data := await asyncio.wait_for(reader.read(1 << 16), CLOSED_WITHIN_S):
            said = (said + data)[:65536]
            if time.monotonic() - began > CLOSED_WITHIN_S:
                raise TimeoutError
    except ConnectionError:
        pass
    except TimeoutError:
        seen.fault(f"{what}: still open after {CLOSED_WITHIN_S} s")
    seen.counts[what] += 1
    return said


async def garbage(seen, address):
    """What is no request: an error, and the end of the connection."""
    noise = seen.random.randbytes
    while not seen.over:
        sent = seen.random.choice((
            noise(400) + b"\r\n\r\n",
            b"GET /tiles/large/13/0_0.jpg HTTP/9.9\r\nHost: x\r\n\r\n",
            b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(500)) + b"\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + noise(200),
        ))
        reader, writer = await connect(address)
        try:
            writer.write(sent)
            said = await closed(seen, "garbage", reader)
            if said.startswith(b"HTTP/1.1 ") and not said.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")):
                seen.fault(f"garbage: {sent[:40]!r} was answered with {said[:40]!r}")
        except ConnectionError:
            seen.counts["garbage"] += 1
        finally:
            writer.close()
        await asyncio.sleep(0.1)


async def slow(seen, address):
    """A head that comes in small parts: answered if it ends in time, and never waited for without end."""
    while not seen.over:
        kind, path, want = seen.choose()
        ends, head = seen.random.random() < 0.5, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        began = time.monotonic()
        reader, writer = await connect(address, receive_bytes=4096)
        try:
            # Some bytes at a time for 4 seconds, or one by one with no end.
            sent, some = (head, len(head) // 16) if ends else (head[:-2] + b"X: " + b"y" * 2000, 1)
            for at in range(0, len(sent), some):
                writer.write(sent[at : at + some])
                await asyncio.sleep(0.2)
                if writer.is_closing() or reader.at_eof():
                    break
            if ends:
                written = time.monotonic()
                status, headers, body = await asyncio.wait_for(read_answer(reader), ANSWER_S)
                seen.answer("slow", path, want, status, headers, body, written)
            else:
                await closed(seen, "head without end", reader)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            in_time = time.monotonic() - began < IN_TIME_S
            if ends and in_time:
                seen.fault(f"slow {path}: {error!r}")
            seen.counts["slow: too late" if ends else "head without end"] += 1
        finally:
            writer.close()


async def unread(seen, address):
    """An image of which nothing is taken: over HTTP/1.1 by a full buffer, over HTTP/2 by a window of 0. The connection ends in time."""
    while not seen.over:
        path = seen.random.choice(list(seen.images))
        reader, writer = await connect(address, receive_bytes=2048)
        try:
            if seen.random.random() < 0.5:
                writer.transport.pause_reading()
                writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                what = "unread, HTTP/1.1"
            else:
                http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
                http.local_settings = h2.settings.Settings(True, {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
                http.initiate_connection()
                for stream in range(1, 9, 2):
                    http.send_headers(stream, [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "x")], end_stream=True)
                writer.write(http.data_to_send())
                what = "unread, HTTP/2"
            if what == "unread, HTTP/1.1":
                # An image waits for its turn, and then for this client. What has come by then is taken at once: it ends, whole or not.
                await asyncio.sleep(UNREAD_S)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                writer.transport.resume_reading()
            await closed(seen, what, reader)
        except ConnectionError:
            seen.counts["unread"] += 1
        finally:
            writer.close()


async def client(seen, address, kind, until):
    """A client of a kind, again and again. Where the server is right to end a connection, that is no fault."""
    behave = {
        "good": lambda: good(seen, address, seen.choose),
        "images": lambda: good(seen, address, lambda: ("image", *seen.random.choice(list(seen.images.items())))),
        "multiplexed": lambda: multiplexed(seen, address),
        "marking": lambda: marking(seen, address),
        "marks": lambda: marks_read(seen, address),
        "garbage": lambda: garbage(seen, address),
        "slow": lambda: slow(seen, address),
        "unread": lambda: unread(seen, address),
    }[kind]
    while time.monotonic() < until and not seen.over:
        try:
            await behave()
        except Exception as error:
            ended = isinstance(error, (ConnectionError, asyncio.IncompleteReadError))
            if ended and time.monotonic() - seen.late < LATE_S:
                seen.counts["ended while this client was late"] += 1
            else:
                seen.fault(f"{kind}: {error!r}")
            await asyncio.sleep(0.2)


async def watch(seen):
    """Remembers when this process last got no processor for so long that a server may give its clients up."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.2)
        if time.monotonic() - before > IN_TIME_S / 4:
            seen.late = time.monotonic()


async def load(seen, address, connections, seconds):
    """All kinds at once. Those in the middle of something when the time is over may end it."""
    shares = {"good": 40, "multiplexed": 20, "images": 5, "marking": 3, "marks": 2, "garbage": 10, "slow": 10, "unread": 10}
    kinds = [kind for kind, share in shares.items() for _ in range(round(connections * share / 100))]
    until = time.monotonic() + seconds
    tasks = [asyncio.create_task(client(seen, address, kind, until)) for kind in kinds]
    watcher = asyncio.create_task(watch(seen))
    await asyncio.sleep(seconds)
    seen.over = True
    _, late = await asyncio.wait([task for task, kind in zip(tasks, kinds) if kind not in ("slow", "unread", "garbage")], timeout=ANSWER_S)
    if late:
        seen.fault(f"{len(late)} good clients have no answer {ANSWER_S} s after the end")
    for task in (*tasks, watcher):
        task.cancel()
    for ended in await asyncio.gather(*tasks, watcher, return_exceptions=True):
        if isinstance(ended, Exception):
            seen.fault(f"a client itself has failed: {ended!r}")
    return len(kinds)
