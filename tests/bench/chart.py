"""Draws a chart of the main lines: a panel per group, a bar per line, a whisker from worst to
best."""

from collections.abc import Iterator
from html import escape

from tests.bench.samples import RATE, STACK_CPU, Line, Results

# What is drawn of each group; all but a rate is CPU.
PANELS = {"ingest": RATE, "drain": RATE, "end to end": RATE, "whole stack": STACK_CPU}
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
    for panel, key in PANELS.items():
        lines = [
            line
            for line in results.lines.values()
            if line.group == panel and line.median(key) is not None
        ]
        if lines:
            parts += _panel(panel, key, lines, y, colours)
            y += _HEAD + _ROW * len(lines) + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" '
        f'height="{y}" font-family="system-ui, sans-serif" font-size="13" role="img" '
        f'aria-label="Medians of the main measurements">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(
    name: str, key: str, lines: list[Line], y: int, colours: dict[str, str]
) -> Iterator[str]:
    scale = _BAR / max((line.spread(key) or (0, 1))[1] for line in lines)
    unit = lines[0].unit if key == RATE else "CPU µs an event"
    yield _text(10, y + 20, f"{name}, {unit}", colours["ink"], "font-weight='600'")
    for number, line in enumerate(lines):
        yield from _bar(line, key, y + _HEAD + number * _ROW, scale, colours)


def _bar(line: Line, key: str, y: int, scale: float, colours: dict[str, str]) -> Iterator[str]:
    low, high = line.spread(key) or (0, 0)
    middle = line.median(key) or 0
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
