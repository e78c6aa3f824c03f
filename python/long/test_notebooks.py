"""The notebooks, from their first cell to their last. Run by scripts/loader-long.sh.

ORIGAMI_NOTEBOOK_OUT keeps what they showed there, with the pictures beside them.
"""

import base64
import os
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGAMI_NOTEBOOK_WORK", str(tmp_path_factory.getbasetemp() / "notebooks"))
    # Threads that wait for one another lose much on a machine that is shared.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "it is committed without what it showed"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    pictures = [
        output["data"]["image/png"] for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert pictures or path.stem == "2-indexes", "it draws nothing"
    if kept := os.environ.get("ORIGAMI_NOTEBOOK_OUT"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, Path(kept) / path.name)
        for number, picture in enumerate(pictures):
            (Path(kept) / f"{path.stem}-{number}.png").write_bytes(base64.b64decode(picture))


def test_there_are_six() -> None:
    assert len(list(NOTEBOOKS.glob("*.ipynb"))) == 6
