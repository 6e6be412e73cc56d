"""Charts: bars, in colours that can be read on a white page and on a dark one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

# A grey that is 4 times as light as black and a quarter as light as white; the accent likewise.
TEXT, LINE, OWN, OTHER = "#7d7d7d", "#7d7d7d55", "#e8590c", "#5b8def"
LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH, ROW, TOP, BOTTOM = 380, 360, 140, 30, 44, 34


@dataclass(frozen=True)
class Bar:
    label: str
    value: float
    is_own: bool
    note: str = ""


@dataclass(frozen=True)
class Scale:
    """Where values are across the bars, from 0 to 1, and which are marked."""

    across: Callable[[float], float]
    marks: list[float]

    @staticmethod
    def of_powers(values: list[float]) -> Scale:
        """For what differs by powers of ten. It has no zero: only distances mean something."""
        low = math.floor(math.log10(min(values)) - 0.2)
        high = math.ceil(math.log10(max(values)))
        across = lambda value: (math.log10(value) - low) / (high - low)  # noqa: E731
        return Scale(across, [10.0**power for power in range(low, high + 1)])

    @staticmethod
    def from_zero(values: list[float]) -> Scale:
        power = 10.0 ** math.floor(math.log10(max(values)))
        step = next(step * power for step in (0.2, 0.5, 1.0, 2.0) if max(values) <= 6 * step * power)
        marks = [step * number for number in range(math.ceil(max(values) / step) + 1)]
        return Scale(lambda value: value / marks[-1], marks)


def bars(
    file: Path,
    title: str,
    bars: list[Bar],
    shown: Callable[[float], str],
    scale_of: Callable[[list[float]], Scale] = Scale.from_zero,
) -> None:
    """Writes a chart of bars, in the order in which they are given."""
    scale = scale_of([bar.value for bar in bars if bar.value > 0])
    height = TOP + ROW * len(bars) + BOTTOM
    bottom = height - BOTTOM
    parts = [f'<text x="8" y="22" class="title">{escape(title)}</text>']
    for mark in scale.marks:
        x = LABEL_WIDTH + BAR_WIDTH * scale.across(mark)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="{LINE}"/>')
        tick = escape(shown(mark))
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" class="small">{tick}</text>')
    for index, bar in enumerate(bars):
        y = TOP + ROW * index
        middle = y + ROW / 2 + 1
        width = max(BAR_WIDTH * scale.across(bar.value), 2.0) if bar.value > 0 else 0.0
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
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    label = ", ".join(f"{bar.label}: {shown(bar.value)}" for bar in bars)
    file.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(parts)
    file.write_text(
        f"{head}\n<title>{escape(title)}. {escape(label)}</title>\n<style>{style}</style>\n{body}\n</svg>\n"
    )
