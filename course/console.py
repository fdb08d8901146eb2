"""What the commands of `pathway` share: the console, how a command is refused, and a bar of progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

console = Console()


def refuse(message: str, code: int = 2) -> NoReturn:
    """End with one line that says what is wrong: code 2 for what was typed, 1 for what came of it."""
    typer.echo(f"pathway: {message}", err=True)
    raise typer.Exit(code)


def say(message: str, style: str | None = None) -> None:
    """Print a line as it is: names and paths are neither coloured, nor taken for markup, nor broken."""
    console.print(message, style=style, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar that is gone when the work is done; what it gives is called with done, total and what is being done."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(what, total=None)

        def show(done: int, total: int, detail: str = "") -> None:
            progress.update(bar, completed=done, total=total, description=f"{what} {detail}".rstrip())

        yield show


def whole_number(text: str, option: str, least: int = 0) -> int:
    """The number that was typed for `option`; the command is refused when it is none, or less than `least`."""
    if not text.isascii() or not text.isdecimal() or int(text) < least:
        refuse(f"{option} {text}: give a whole number from {least}.")
    return int(text)
