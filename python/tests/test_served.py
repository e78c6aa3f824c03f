"""`Slide` over a server, against the same file."""

import os
import pickle
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import origami

PROGRAM = os.environ.get("ORIGAMI_PROGRAM", "")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="SKIPPED: ORIGAMI_PROGRAM does not name the program")
TOKEN = "a-token-that-is-long-enough-for-a-server"


def serve(root: Path, *flags: str, port: str = "0") -> tuple[subprocess.Popen[str], str]:
    """A server, on a free port unless one is given, and its address."""
    args = [PROGRAM, "serve", str(root), "--port", port, "--backend", "cpu", *flags]
    server = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    found = re.search(r"http://[^\s/]+", server.stdout.readline())
    assert found, "the server does not say where it listens"
    return server, found.group()


def end(server: subprocess.Popen[str]) -> None:
    server.terminate()
    assert server.wait(60) == 0
    assert server.stdout is not None
    server.stdout.close()


@pytest.fixture(scope="module")
def root(bundle_path: Path, lossless_path: Path, tree_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    (root / "more").mkdir()
    shutil.copy(bundle_path, root / "more/balanced.bundle")
    shutil.copy(lossless_path, root / "lossless.bundle")
    shutil.copytree(tree_path.parent, root / "tree")
    return root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    server, address = serve(root)
    yield address
    end(server)


@pytest.mark.parametrize("name, file", [("more/balanced", "bundle_path"), ("lossless", "lossless_path"), ("tree", "tree_path")])
def test_a_slide_of_a_server_has_the_pixels_of_its_file(address: str, name: str, file: str, request: pytest.FixtureRequest) -> None:
    draws = np.random.default_rng(3)
    names = [entry for entry in origami_names(address) if entry.split("/")[0] == name.split("/")[0]]
    with origami.Slide(request.getfixturevalue(file)) as wanted, origami.open_slide(f"{address}/{names[0]}") as slide:
        assert slide.level_dimensions == wanted.level_dimensions
        assert slide.level_downsamples == wanted.level_downsamples
        for key in ("openslide.mpp-x", "openslide.objective-power", "openslide.level[1].width", "openslide.level[0].tile-width"):
            assert slide.properties.get(key) == wanted.properties.get(key), key
        assert slide.icc_profile == wanted.icc_profile
        for level, (width, height) in enumerate(wanted.level_dimensions):
            scale = 2**level
            for _ in range(6):
                x, y = (int(draws.integers(-40, side * scale)) for side in (width, height))
                size = (int(draws.integers(1, 300)), int(draws.integers(1, 300)))
                ours, theirs = (np.asarray(of.read_region((x, y), level, size)) for of in (slide, wanted))
                assert np.array_equal(ours, theirs), (level, x, y, size)
        # More than a part.
        whole = slide.read_region((0, 0), 0, slide.dimensions, as_array=True)
        assert np.array_equal(whole, wanted.read_region((0, 0), 0, wanted.dimensions, as_array=True))
        assert np.array_equal(np.asarray(slide.get_thumbnail((99, 99))), np.asarray(wanted.get_thumbnail((99, 99))))
        again = pickle.loads(pickle.dumps(slide))
        assert np.array_equal(again.read_region((500, 400), 1, (64, 64), as_array=True), wanted.read_region((500, 400), 1, (64, 64), as_array=True))


def origami_names(address: str) -> list[str]:
    import json
    from urllib.request import urlopen

    with urlopen(f"{address}/api/slides") as answer:
        return [slide["name"] for slide in json.load(answer)["slides"]]


def test_threads_share_it(address: str, bundle_path: Path) -> None:
    with origami.open_slide(f"{address}/viewer/more%2Fbalanced") as slide, origami.Slide(bundle_path) as wanted:
        places = [(x, y) for x in range(0, 2400, 300) for y in range(0, 1700, 300)]
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda at: slide.read_region(at, 0, (200, 200), as_array=True), places))
        for at, pixels in zip(places, got, strict=True):
            assert np.array_equal(pixels, wanted.read_region(at, 0, (200, 200), as_array=True)), at


def test_what_is_not_there_is_refused(address: str) -> None:
    with pytest.raises(FileNotFoundError, match="has such a slide"):
        origami.Slide(f"{address}/nothing")
    slide = origami.Slide(f"{address}/lossless")
    with pytest.raises(IndexError, match="no level 99"):
        slide.read_region((0, 0), 99, (1, 1))
    assert not np.asarray(slide.read_region((2**40, 0), 0, (4, 4))).any()
    slide.close()
    with pytest.raises(ValueError, match="closed"):
        slide.read_region((0, 0), 0, (1, 1))


def test_a_token_goes_with_each_request(root: Path, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKEN + "\n")
    tokens.chmod(0o600)
    server, address = serve(root, "--token-file", str(tokens))
    try:
        with pytest.raises(origami.OrigamiError, match="401.*storage_options"):
            origami.Slide(f"{address}/lossless")
        options = {"headers": {"Authorization": f"Bearer {TOKEN}"}}
        with origami.open_slide(f"{address}/lossless", storage_options=options) as slide:
            assert slide.read_region((0, 0), 0, (8, 8), as_array=True).shape == (8, 8, 3)
    finally:
        end(server)


def test_a_server_that_has_gone_or_a_slide_that_changed_is_told(root: Path, bundle_path: Path, lossless_path: Path, tmp_path: Path) -> None:
    shutil.copy(bundle_path, tmp_path / "one.bundle")
    server, address = serve(tmp_path)
    slide = origami.Slide(f"{address}/one")
    slide.read_region((0, 0), 0, (8, 8))
    held = pickle.dumps(slide)
    end(server)
    with pytest.raises(OSError, match="does not answer"):
        slide.read_region((0, 0), 0, (8, 8))
    shutil.copy(lossless_path, tmp_path / "one.bundle")
    port = address.rsplit(":", 1)[1]
    server, _ = serve(tmp_path, port=port)
    try:
        with pytest.raises(origami.OrigamiError, match="changed"):
            pickle.loads(held)
    finally:
        end(server)
