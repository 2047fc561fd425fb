"""The page: its sections in order, rendered into one file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from registry.errors import ZooError
from registry.whole import whole
from transfer.runs import RunFolder
from zoo.html_report.blocks import Section
from zoo.html_report.depth import depth_search
from zoo.html_report.errors import errors, per_class
from zoo.html_report.freezing import trained_when
from zoo.html_report.health import diagnosis
from zoo.html_report.learning import curves
from zoo.html_report.mistakes import worst_mistakes
from zoo.html_report.origins import left_out, lineage, repeat, times
from zoo.html_report.palette import DARK, FIGURES, LIGHT, variables
from zoo.html_report.summary import done, verdict
from zoo.html_report.told import Told, told
from zoo.html_report.trust import calibration
from zoo.output import plain

PAGE, TEMPLATE = "report.html", "report.html.j2"
SECTIONS: tuple[Callable[[Told], Section | None], ...] = (
    done, verdict, depth_search, curves, trained_when, diagnosis, errors, per_class, calibration, worst_mistakes,
    left_out, lineage, times, repeat,
)  # fmt: skip


def write_page(folder: RunFolder, path: Path | None = None) -> Path:
    """Write a run's page into its folder, or elsewhere; whole or not at all.

    Raises:
        ZooError: one of the run's files is broken, or the page cannot be written.
    """
    text = page(told(folder))
    path = path or folder.path / PAGE
    try:
        with whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}", "zoo report RUN --output FILE") from error
    return path


def page(about: Told) -> str:
    """Render a run as one HTML document that refers to nothing outside itself."""
    sections = [section for make in SECTIONS if (section := make(about)) is not None]
    source = Path(__file__).with_name(TEMPLATE).read_text(encoding="utf-8")
    # All that a template puts in is escaped but for our style, and figures, whose text ElementTree has escaped.
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"plain": plain, "options": options}
    return environment.from_string(source).render(
        title=about.folder.id, sections=sections, light=variables(LIGHT), dark=variables(DARK), figures=FIGURES
    )


def options(text: str) -> Markup:
    """Mark options, so that no line breaks within one; all else is escaped.

    >>> str(options("<b>; try --batch-norm"))
    '&lt;b&gt;; try <code>--batch-norm</code>'
    """
    return Markup(re.sub(r"--[a-z][\w-]*", r"<code>\g<0></code>", str(escape(text))))
