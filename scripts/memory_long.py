"""The most memory that a server takes while clients do what costs it most.

    memory_long.py BINARY FOLDER
"""

import os
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import h2.config
import h2.connection
import h2.settings
from faults_site import Server, Site

# Defaults of `serve`, in MiB: tiles, and what requests hold. A family that is larger than a quarter of the second counts beyond it.
CACHE_MIB, REQUEST_MIB = 256, 1024
# An image of 16 megapixels, whole.
IMAGE = "/iiif/3/image/full/max/0/default.png"
UNREAD_CLIENTS, STREAMS = 160, 40
# Clients that ask for tiles, each on a connection of its own.
CLIENTS = 48
# How long a server is watched that holds what nobody takes.
WATCHED_S = 20


def limit_mib(connections, family_mib=0):
    """What docs/operate.md allows with the default flags."""
    requests = REQUEST_MIB + max(0, family_mib - REQUEST_MIB // 4)
    threads = 16 * os.cpu_count() + 2 * 40
    return CACHE_MIB * 11 // 8 + 1 + requests + connections // 4 + threads + 64


def slide(site, root, name, size, *flags, tile=256):
    """A bundle in the root."""
    png, tree, made = (site.work / f"{name}{end}" for end in (".png", "-tree", "-made"))
    site.made("bench", "slide", "--size", size, "--out", png)
    site.made("pyramid", png, "--out", tree, "--tile", tile, "-q")
    site.made("encode", "--pyramid", tree, "--out", made, "--backend", "cpu", *flags, "-q")
    shutil.copy(made / "residual_packs/residuals.bundle", root / f"{name}.bundle")
    for folder in (tree, made):
        shutil.rmtree(folder)
    png.unlink()


def peak_mib(server):
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def connected(server):
    host, port = server.address.rsplit(":", 1)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((host, int(port)))
    return client


def unread(server):
    """Clients that ask for an image and take nothing of it."""
    clients = [connected(server) for _ in range(UNREAD_CLIENTS)]
    for client in clients:
        client.sendall(f"GET {IMAGE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    time.sleep(WATCHED_S)
    for client in clients:
        client.close()


def window_of_zero(server):
    """One connection of HTTP/2 that lets nothing be sent on any of its streams."""
    client, http = connected(server), h2.connection.H2Connection(h2.config.H2Configuration())
    http.local_settings = h2.settings.Settings(client=True, initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
    http.initiate_connection()
    for _ in range(STREAMS):
        head = [(":method", "GET"), (":path", IMAGE), (":scheme", "http"), (":authority", "x")]
        http.send_headers(http.get_next_available_stream_id(), head, end_stream=True)
    client.sendall(http.data_to_send())
    time.sleep(WATCHED_S)
    client.close()


def tiles(server, name, level, columns, rows):
    """All tiles of a level, asked for at once by many clients."""
    paths = [f"/tiles/{name}/{level}/{x}_{y}.jpg" for y in range(rows) for x in range(columns)]
    answers = []

    def client():
        while paths:
            try:
                path = paths.pop()
            except IndexError:
                return
            reply = server.get(path)
            answers.append(reply[0] if reply else None)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) and set(answers) <= {200, 503}, answers


def measured(site, root, what, attack, limit):
    server = Server(site, root, "--queue-timeout-ms", "30s")
    assert server.status("/readyz") == 200
    attack(server)
    peak = peak_mib(server)
    assert server.status("/readyz") == 200, f"{what}: not ready afterwards"
    code, _ = server.end()
    print(f"{what:72} {peak:5} MiB of {limit:5} MiB", flush=True)
    return [] if peak <= limit and code == 0 else [f"{what}: {peak} MiB of {limit} MiB, exit code {code}"]


def main():
    with Site(Path(sys.argv[1]), Path(sys.argv[2]), 0, 1) as site:
        root, faults = site.folder("root"), []
        slide(site, root, "image", "4096x4096")
        slide(site, root, "stored", "6144x6144", "--preset", "lossless")
        for what, attack, connections in (
            (f"{UNREAD_CLIENTS} clients that take nothing of an image of 16 megapixels", unread, UNREAD_CLIENTS),
            (f"{STREAMS} streams of one connection with a window of 0, the same image", window_of_zero, 1),
            ("stored tiles of 256, unpacked for 48 clients", lambda server: tiles(server, "stored", 13, 24, 24), CLIENTS),
        ):
            faults += measured(site, root, what, attack, limit_mib(connections))
        slide(site, root, "large", "16384x16384", tile=4096)
        limit = limit_mib(CLIENTS, 6 * 16 * 4096 * 4096 >> 20)
        faults += measured(site, root, "a family of tiles of 4096, all of its tiles for 48 clients", lambda server: tiles(server, "large", 14, 4, 4), limit)
        if faults:
            raise SystemExit("\n".join(f"error: {fault}" for fault in faults))


main()
