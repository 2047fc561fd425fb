"""Help whose options stand under the names of their groups."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

OPTIONS = "Options"


class GroupedHelp(TyperCommand):
    """A command that lists its own options first, and then those of each group that it takes."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, and a section of options a group: what Typer calls an option's panel."""
        sections = dict[str, list[tuple[str, str]]]({"Arguments": [], OPTIONS: []})
        for one in self.get_params(ctx):
            record = one.get_help_record(ctx)
            if record is not None:
                is_argument = one.param_type_name == "argument"
                title = "Arguments" if is_argument else getattr(one, "rich_help_panel", None) or OPTIONS
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
