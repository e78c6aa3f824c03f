"""The Python examples of examples/clients, run off screen.

    clients_python.py FOLDER ADDRESS BUNDLE    # the examples, a slide of a server, the same as a file
"""

import runpy
import sys
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient

import origami

folder, address, bundle = Path(sys.argv[1]), *sys.argv[2:]


def in_napari():
    import napari

    example = runpy.run_path(str(folder / "slide_napari.py"))
    served, local = origami.open_slide(address), origami.Slide(bundle)
    levels = example["pyramid"](served)
    assert [level.shape[1::-1] for level in levels] == list(local.level_dimensions)
    for number, level in enumerate(levels):
        wanted = local.read_region((0, 0), number, local.level_dimensions[number], as_array=True)
        assert np.array_equal(level[:300, -300:].compute(), wanted[:300, -300:]), f"level {number}"
    # Without a window: drawing needs OpenGL.
    model = napari.components.ViewerModel()
    layer = model.add_image(levels, multiscale=True, rgb=True, scale=(0.5, 0.5))
    assert layer.multiscale and layer.rgb and len(layer.data) == len(levels)
    print(f"napari: {len(levels)} levels of {address}, chunks equal to those of the file")


def in_jupyter():
    notebook = nbformat.read(folder / "jupyter.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in shown), "no thumbnail"
    print(f"jupyter: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells")


in_napari()
in_jupyter()
