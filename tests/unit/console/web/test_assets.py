"""Tests that a library among the static files is the one that its maker released."""

from hashlib import sha256
from importlib.resources import files

# Of dist/uPlot.iife.min.js in the package of npm, uplot 1.6.32.
RELEASED = "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"


def test_uplot_is_unchanged_below_its_licence() -> None:
    text = files("console.web").joinpath("static", "uplot.js").read_text()
    licence, _, library = text.partition("*/\n")

    assert "The MIT License (MIT)" in licence
    assert "Copyright (c) 2022 Leon Sorokin" in licence
    assert "uPlot 1.6.32" in licence
    assert sha256(library.encode()).hexdigest() == RELEASED
