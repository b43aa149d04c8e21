"""Draws a chart of the main lines: a panel per group, a bar per line, a whisker from worst to
best."""

from collections.abc import Iterator
from html import escape

from tests.bench.samples import Line, Results

PANELS = ("ingest", "drain", "end to end")
_WIDTH, _LABEL, _BAR, _ROW, _HEAD = 860, 330, 400, 26, 40
_THEMES = {
    "light": {"ink": "#1f2328", "faint": "#59636e", "bar": "#0969da", "whisker": "#1f2328"},
    "dark": {"ink": "#f0f6fc", "faint": "#9198a1", "bar": "#4493f8", "whisker": "#f0f6fc"},
}


def draw(results: Results, theme: str) -> str:
    """Returns an SVG without a background of its own."""
    colours = _THEMES[theme]
    parts: list[str] = []
    y = 10
    for panel in PANELS:
        lines = [line for line in results.lines.values() if line.group == panel]
        if lines:
            parts += _panel(panel, lines, y, colours)
            y += _HEAD + _ROW * len(lines) + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" '
        f'height="{y}" font-family="system-ui, sans-serif" font-size="13" role="img" '
        f'aria-label="Medians of the main measurements">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(name: str, lines: list[Line], y: int, colours: dict[str, str]) -> Iterator[str]:
    largest = max((line.spread() or (0, 1))[1] for line in lines)
    yield _text(10, y + 20, f"{name}, {lines[0].unit}", colours["ink"], "font-weight='600'")
    for number, line in enumerate(lines):
        yield from _bar(line, y + _HEAD + number * _ROW, largest, colours)


def _bar(line: Line, y: int, largest: float, colours: dict[str, str]) -> Iterator[str]:
    low, high = line.spread() or (0, 0)
    middle = line.median() or 0
    scale = _BAR / largest
    yield _text(_LABEL - 10, y + 13, line.name, colours["ink"], "text-anchor='end'")
    yield (
        f"<rect x='{_LABEL}' y='{y + 2}' width='{max(1, middle * scale):.1f}' height='16' rx='2' "
        f"fill='{colours['bar']}'/>"
    )
    yield (
        f"<path d='M{_LABEL + low * scale:.1f} {y + 10}H{_LABEL + high * scale:.1f}' "
        f"stroke='{colours['whisker']}' stroke-width='2'/>"
    )
    x = _LABEL + high * scale + 8
    yield _text(x, y + 14, f"{middle:,.0f}", colours["faint"])


def _text(x: float, y: float, text: str, colour: str, more: str = "") -> str:
    return f"<text x='{x:.1f}' y='{y}' fill='{colour}' {more}>{escape(text)}</text>"
