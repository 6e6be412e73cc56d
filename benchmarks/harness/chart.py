"""Charts: bars on a scale of powers of ten, in colours that can be read on a white page and on a dark one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

# A grey that is 4 times as light as black and a quarter as light as white; the accent likewise.
TEXT, LINE, OWN, OTHER = "#7d7d7d", "#7d7d7d55", "#e8590c", "#5b8def"
LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH, ROW, TOP, BOTTOM = 330, 360, 130, 30, 44, 34


@dataclass(frozen=True)
class Bar:
    label: str
    value: float
    is_own: bool
    note: str = ""


def bars(file: Path, title: str, bars: list[Bar], shown: Callable[[float], str]) -> None:
    """Writes a chart of bars, in the order in which they are given."""
    values = [bar.value for bar in bars if bar.value > 0]
    low = 10.0 ** math.floor(math.log10(min(values)) - 0.2)
    high = 10.0 ** math.ceil(math.log10(max(values)))
    decades = round(math.log10(high / low))
    across = lambda value: BAR_WIDTH * math.log10(max(value, low) / low) / decades  # noqa: E731
    height = TOP + ROW * len(bars) + BOTTOM
    bottom = height - BOTTOM
    parts = [f'<text x="8" y="22" class="title">{escape(title)}</text>']
    for decade in range(decades + 1):
        x = LABEL_WIDTH + BAR_WIDTH * decade / decades
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="{LINE}"/>')
        tick = escape(shown(low * 10.0**decade))
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" class="small">{tick}</text>')
    for index, bar in enumerate(bars):
        y = TOP + ROW * index
        middle = y + ROW / 2 + 1
        width = max(across(bar.value), 2.0)
        colour = OWN if bar.is_own else OTHER
        value = escape(shown(bar.value) + bar.note)
        parts += [
            f'<text x="{LABEL_WIDTH - 10}" y="{middle + 2:.0f}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{LABEL_WIDTH}" y="{y + 5}" width="{width:.1f}" height="{ROW - 9}" rx="2" fill="{colour}"/>',
            f'<text x="{LABEL_WIDTH + width + 8:.1f}" y="{middle + 2:.0f}" class="value">{value}</text>',
        ]
    width = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH
    style = (
        f"text{{font:13px system-ui,sans-serif;fill:{TEXT}}}.title{{font-size:15px;font-weight:600}}"
        f".small{{font-size:11px}}.value{{font-weight:600}}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    label = ", ".join(f"{bar.label}: {shown(bar.value)}" for bar in bars)
    file.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(parts)
    file.write_text(f"{head}\n<title>{escape(title)}. {escape(label)}</title>\n<style>{style}</style>\n{body}\n</svg>\n")
