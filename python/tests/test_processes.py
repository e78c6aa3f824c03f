"""Slides in threads, in forked and spawned processes, in pickles; signals; what an import costs."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from reading import read, read_inherited

import origami


def test_a_pickle_opens_the_same_file_and_refuses_another(bundle_path, tmp_path) -> None:
    path = tmp_path / "a.bundle"
    path.write_bytes(bundle_path.read_bytes())
    slide = origami.Slide(path)
    pickled = pickle.dumps(slide)
    assert len(pickled) < 1000
    assert read(pickle.loads(pickled)) == read(slide)
    os.utime(path, ns=(1, 1))
    with pytest.raises(origami.OrigamiError, match="changed"):
        pickle.loads(pickled)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_processes_share_a_slide(bundle_path, method) -> None:
    slide = origami.Slide(bundle_path)
    want = read(slide)
    # Threads that read, and hold locks, while the process forks.
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            slide.read_region((np.random.randint(2000), 0), 0, (256, 256))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            assert pool.map_async(read, [slide] * 8).get(timeout=60) == [want] * 8
            if method == "fork":
                child = context.Process(target=read_inherited, args=(slide,))
                child.start()
                child.join(60)
                assert child.exitcode == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert read(slide) == want


def test_threads_read_at_once_and_get_the_same(bundle_path) -> None:
    slide = origami.Slide(bundle_path)
    want = read(slide)
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.append(read(slide))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [want] * 8


def test_no_files_stay_open(bundle_path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for _ in range(50):
        with origami.Slide(bundle_path) as slide:
            slide.read_region((0, 0), 0, (8, 8))
    assert count() <= before


def run(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_ends_an_encode_and_leaves_nothing(work, tmp_path, slide_path) -> None:
    code = f"""
        import signal, origami
        signal.signal(signal.SIGINT, signal.default_int_handler)
        def told(done, total):
            print("running", flush=True)
        try:
            while True:
                origami.encode({str(slide_path)!r}, {str(tmp_path / "out")!r}, preset="archive", threads=1, overwrite=True, progress=told)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    process = run(code)
    assert process.stdout.readline() == "running\n", process.stderr.read() if process.poll() is not None else ""
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert out.endswith("interrupted\n"), err
    assert time.monotonic() - started < 30
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "residuals.bundle"]


def test_an_exception_of_progress_ends_the_encode(slide_path, tmp_path) -> None:
    def stop(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        origami.encode(slide_path, tmp_path / "out", progress=stop)


def test_an_import_needs_neither_numpy_nor_pillow_nor_torch() -> None:
    process = run("import sys, origami; print([name for name in ('numpy', 'PIL', 'torch') if name in sys.modules])")
    out, err = process.communicate(timeout=60)
    assert out == "[]\n", err
