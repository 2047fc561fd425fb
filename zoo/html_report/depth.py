"""How many layers to keep: what a depth search of the same model and data had found before the run."""

from __future__ import annotations

from zoo.depth_plot import plot
from zoo.depth_record import CutFound
from zoo.html_report.blocks import Figure, Section, Table
from zoo.html_report.told import Told
from zoo.output import count


def depth_search(told: Told) -> Section | None:
    """Draw the search that lies in the run's folder."""
    found = told.depths
    if found is None:
        return None
    rows = [_row(one, best=place == found.best) for place, one in enumerate(found.cuts)]
    headers = ["cut", "frozen", "probe", f"valid {found.measure}", "95 % interval", "epochs", "seconds"]
    lead = (
        f"What zoo search-depth found of this model and data before the run, in {found.seconds:.1f} seconds with "
        f"{count(found.samples, 'sample')} probed; ✓ is the best cut. The first row is nearest the input."
    )
    title = "Probed and trained cuts"
    return Section("Depth search", [Figure(plot(found), title), Table(headers, rows)], lead)


def _row(one: CutFound, *, best: bool) -> list[str]:
    valid = "–" if one.valid is None else f"{one.valid:.4f}"
    interval = "" if one.valid_ci95 is None else f"{one.valid_ci95[0]:.4f} to {one.valid_ci95[1]:.4f}"
    epochs = "–" if not one.epochs else str(one.epochs) if one.valid is not None else f"{one.epochs}, dropped"
    name = f"{one.cut} ✓" if best else one.cut
    return [name, f"{one.parameters:,}", f"{one.probe:.4f}", valid, interval, epochs, f"{one.seconds:.1f}"]
