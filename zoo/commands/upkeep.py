"""What keeps the catalogue in order: tag, rm, verify, gc, doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo.asking import ask
from zoo.options import DryRun, Json, Name, Yes
from zoo.output import count, json_document, say, size


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("tag")(tag)
    app.command("rm")(remove)
    app.command("verify")(verify)
    app.command("gc")(collect)
    app.command("doctor")(doctor)


def tag(
    name: Name,
    label: Annotated[str, typer.Argument(metavar="TAG", help="Another name for the revision, such as v2.")],
    move: Annotated[bool, typer.Option("--move", help="Let a tag that exists name this revision.")] = False,
    json: Json = False,
) -> None:
    """Give a revision a tag."""
    from zoo import catalogue

    model = catalogue.tag(name, label, move=move)
    if json:
        json_document({"name": model.name, "revision": model.revision, "tag": label})
    else:
        say(f"{model.name}@{label} is {model.ref}")


def remove(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Also where other models were made from it.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Remove a model, or one revision of it, and the files that nothing else needs."""
    from zoo import removing

    removal = removing.prepare(name, force=force)
    if not (yes or dry_run):
        ask(removal.sentence)
    freed = 0 if dry_run else removal.run()
    if json:
        json_document({"name": removal.name, "revisions": removal.revisions, "bytes": freed, "removed": not dry_run})
    elif dry_run:
        say(f"would remove {removal.sentence} (--dry-run)")
    else:
        say(f"removed {removal.sentence}; {size(freed)} freed")


def verify(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="NAME, NAME@REVISION; all if not given.")] = None,
    replay: Annotated[
        bool, typer.Option("--replay/--no-replay", help="Load the models and compute their stored tests anew.")
    ] = True,
    json: Json = False,
) -> None:
    """Check every byte of every file, each card against its weights, signatures, and the stored tests."""
    from zoo import upkeep_screens, verifying
    from zoo.progress import bars

    with bars(quiet=json) as watch:
        verdicts = verifying.verify(name, watch, replay=replay)
    if json:
        json_document(upkeep_screens.verify_document(verdicts))
    else:
        say(upkeep_screens.verify_page(verdicts))
    if not all(verdict.ok for verdict in verdicts):
        raise typer.Exit(1)


def collect(
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="As everywhere; nothing is asked here anyway.")] = False,
    json: Json = False,
) -> None:
    """Remove stored files that no model needs, and what interrupted work has left."""
    from zoo import catalogue

    done = catalogue.collect(dry_run=dry_run)
    if json:
        json_document(
            {
                **{key: getattr(done, key) for key in ("blobs", "bytes", "checkouts", "unfinished")},
                "removed": not dry_run,
            }
        )
        return
    word = "would be removed" if dry_run else "removed"
    say(
        f"{word}: {count(done.blobs, 'file')} ({size(done.bytes)}), {count(done.checkouts, 'laid-out folder')}, "
        f"{count(done.unfinished, 'piece')} of unfinished work"
    )


def doctor(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the catalogue anew from the stored files; the old one is kept.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Look whether all that zoo needs is in order, and say what to do where it is not."""
    from zoo import checkup, upkeep_screens

    if rebuild:
        _rebuild(yes=yes, json=json)
        return
    checks = checkup.checkup()
    if json:
        json_document({"checks": checks, "ok": all(check.ok for check in checks)})
    else:
        say(upkeep_screens.checks_page(checks))
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _rebuild(*, yes: bool, json: bool) -> None:
    from zoo import catalogue, upkeep_screens

    if not yes:
        aside = catalogue.kept_aside()
        kept = f"; the old one is kept as {aside}" if aside else ""
        ask(f"the catalogue anew from the stored files{kept}", "make")
    done = catalogue.rebuild()
    if json:
        json_document(done)
    else:
        say(upkeep_screens.rebuilt_page(done))
