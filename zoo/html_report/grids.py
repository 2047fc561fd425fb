"""Grids of cells: a heat map of numbers, and a chart of states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.html_report.drawing import box, canvas, finished, hint, shortened, words

WRITTEN = 16  # columns, beyond which cells have no room for numbers
LONG = 14  # letters of a column's name


def heat_map(
    title: str, names: Sequence[str], counts: Sequence[Sequence[int]], labels: tuple[str, str] = ("said", "is")
) -> str:
    """Draw a square of counts; a cell is as dark as its share of the row.

    Args:
        title: what is read aloud.
        names: of rows and columns.
        counts: row by row.
        labels: of the columns, and of the rows.
    """
    n = len(names)
    side = max(11.0, min(44.0, 560 / max(1, n)))
    room = 7.0 * min(LONG, max(map(len, names), default=1)) + 34
    slanted = max(map(len, names), default=1) * 7 > side
    top = (room if slanted else 44.0) + 4
    svg = canvas(room + side * n + 46, top + side * n + 6, title)
    words(svg, room + side * n / 2, 13, labels[0], "label", "middle")
    turned = words(svg, 0, 0, labels[1], "label", "middle")
    turned.set("transform", f"translate(13 {top + side * n / 2:.1f}) rotate(-90)")
    for row, name in enumerate(names):
        y = top + side * row
        words(svg, room - 7, y + side / 2 + 4, shortened(name, LONG), "tick", "end")
        head = words(svg, 0, 0, shortened(name, LONG), "tick", "start" if slanted else "middle")
        at = room + side * (row + 0.5)
        head.set("transform", f"translate({at + 4:.1f} {top - 7:.1f})" + (" rotate(-60)" if slanted else ""))
        whole = sum(counts[row]) or 1
        for column, count in enumerate(counts[row]):
            share = count / whole
            cell = box(
                svg, (room + side * column + 0.5, y + 0.5), (side - 1, side - 1),
                "right" if row == column else "wrong", **{"fill-opacity": f"{0.06 + 0.94 * share:.3f}"},
            )  # fmt: skip
            hint(cell, f"{labels[1]} {name}, {labels[0]} {names[column]}: {count:,} ({share:.1%})")
            if n <= WRITTEN and count:
                words(
                    svg, room + side * (column + 0.5), y + side / 2 + 4, f"{count:,}",
                    "cell over" if share > 0.55 else "cell", "middle",
                )  # fmt: skip
    return finished(svg)


def state_chart(
    title: str, rows: Sequence[str], columns: Sequence[str], states: Sequence[Sequence[str]], legend: Mapping[str, str]
) -> str:
    """Draw which state each row is in at each column.

    Args:
        title: what is read aloud.
        rows, columns: their names.
        states: row by row, keys of `legend`.
        legend: what each state is called; the key is its class in the style sheet.
    """
    room = 14 + 6.8 * min(34, max(map(len, rows), default=1))
    wide, longest = max(30.0, min(92.0, 720 / max(1, len(columns)))), 7.4 * max(map(len, columns), default=1)
    slanted = longest + 8 > wide
    high, top = 24.0, 36.0 + (0.87 * longest + 8 if slanted else 20)
    width = max(room + wide * len(columns) + 10, room + 92 * len(legend))
    svg = canvas(width, top + high * len(rows) + 6, title)
    for place, (key, name) in enumerate(legend.items()):
        box(svg, (room + 92 * place, 4), (14, 14), key, rx="3")
        words(svg, room + 92 * place + 20, 15, name, "legend")
    for place, column in enumerate(columns):
        head = words(svg, 0, 0, column, "tick", "start" if slanted else "middle")
        at = room + wide * (place + 0.5)
        head.set("transform", f"translate({at + 4 * slanted:.1f} {top - 10:.1f})" + (" rotate(-60)" if slanted else ""))
    for down, (row, kept) in enumerate(zip(rows, states, strict=True)):
        y = top + high * down
        hint(words(svg, room - 8, y + 16, shortened(row, 34), "tick", "end"), row)
        for place, state in enumerate(kept):
            cell = box(svg, (room + wide * place + 1.5, y + 1.5), (wide - 3, high - 3), state, rx="3")
            hint(cell, f"{row}, {columns[place]}: {legend[state]}")
    return finished(svg)
