"""The command `zoo`: mounts the commands, and is the one place where an error becomes text and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer

from zoo.errors import USAGE, Problem, debugging, problem_of
from zoo.output import OutputError, finish, json_document, plain
from zoo.starting import forget, own_process

# Typer does not export the class that all its errors of usage have in common.
UsageError: type[Any] = typer.BadParameter.__bases__[0]

INTERRUPTED = 130  # what Typer makes of a Ctrl-C

# The groups of commands, and the words of each: what is not asked for is neither imported nor built, which would take
# as long as `zoo list` itself.
GROUPS = {
    "catalogue": ("list", "show", "layers", "lineage"),
    "importing": ("import", "add"),
    "export": ("export",),
    "hubs": ("search", "pull", "publish"),
    "upkeep": ("tag", "rm", "verify", "gc", "doctor"),
    "transfer": ("transfer",),
    "again": ("resume", "replay"),
    "comparing": ("compare",),
    "choosing": ("search-depth",),
    "ranking": ("rank",),
    "using": ("evaluate", "predict"),
    "data": ("data",),
    "runs": ("runs", "report"),
    "cache": ("cache",),
}


def application(word: str = "") -> typer.Typer:
    """Return the command line with the command `word` alone; with all of them where there is none such."""
    app = typer.Typer(
        name="zoo",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(zoo)
    chosen = [group for group, words in GROUPS.items() if word in words]
    for group in chosen or GROUPS:
        import_module(f"zoo.commands.{group}").mount(app)
    if chosen:  # what is built for a command are its options, one by one
        app.registered_commands = [command for command in app.registered_commands if command.name == word]
    return app


def zoo() -> None:
    """Reuse the lower layers of any pretrained checkpoint on your own small data set."""


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed or refused, 2 wrong usage."""
    own_process()
    code = run(sys.argv[1:])
    forget()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    try:
        command = typer.main.get_command(application(*arguments[:1]))
        code = command.main(arguments, prog_name="zoo", standalone_mode=False) or 0
        finish()
        if code != INTERRUPTED:
            return int(code)
        problem = problem_of(KeyboardInterrupt())
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help, which is what was asked for
            typer.echo(error.format_message(), err=True)
            return USAGE
        context = getattr(error, "ctx", None)
        hint = f"{context.command_path} --help" if context else "zoo --help"
        problem = Problem("Usage", error.format_message(), hint, USAGE)
    except BrokenPipeError:
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debugging():
            raise
        problem = problem_of(error)
    tell(problem, as_json="--json" in arguments)
    return problem.code


def tell(problem: Problem, *, as_json: bool) -> None:
    """Show a problem: as JSON on stdout, or as one or two lines on stderr, as where stdout takes nothing."""
    try:
        if as_json and problem.type != OutputError.__name__:
            shown = {"type": problem.type, "message": problem.message, "hint": problem.hint}
            json_document({"error": shown})
            return
        finish()
    except OutputError as error:
        problem = problem_of(error)
    typer.echo(plain(f"error: {problem.message}"), err=True)
    if problem.hint:
        typer.echo(plain(f"hint: {problem.hint}"), err=True)
