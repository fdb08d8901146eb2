"""`pathway`: the commands of those who write, test and run the course. Thin: each calls the room that does the work."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console()


@app.callback()
def main_options() -> None:
    """The Data Science Learning Pathway: build it and keep its locks."""


@app.command()
def build(
    units: Annotated[
        list[str] | None,
        typer.Argument(metavar="[UNIT]...", help="Units by number or folder, or `data`. Default: all that changed."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Build aside and compare with what is here; exit 1 when anything differs.")
    ] = False,
) -> None:
    """Turn units' text into solutions/ and notebooks/, and course/town into data/."""
    from course.builder.stamps import facts_if_nothing_changed

    if check and units:
        raise typer.BadParameter("--check compares the whole course: name no unit with it.")
    facts = None if check or units else facts_if_nothing_changed(ROOT)
    if facts is not None:
        console.print(_facts_table(facts))
        return
    from course.builder.build import Builder
    from course.builder.build import check as compare
    from course.builder.problem import BuildError

    try:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        ) as progress:
            bar = progress.add_task("Building", total=None)

            def show(done: int, total: int, what: str) -> None:
                progress.update(bar, completed=done, total=total, description=f"Building {what}")

            if check:
                found = compare(ROOT, show)
            else:
                facts = Builder(ROOT, progress=show).build(units or [])
    except BuildError as error:
        for problem in error.problems:
            path = problem.path.relative_to(ROOT) if problem.path.is_relative_to(ROOT) else problem.path
            console.print(
                f"{path}:{problem.line}: {problem.message}", style="red", highlight=False, markup=False, soft_wrap=True
            )
        count = len(error.problems)
        console.print(f"{count} problem{'s' if count != 1 else ''}; nothing was changed.", style="bold red")
        raise typer.Exit(1) from None
    if not check:
        console.print(_facts_table(facts) if facts else "data/ is up to date.")
        return
    for line in found:
        console.print(line, style="red", highlight=False, markup=False, soft_wrap=True)
    if found:
        console.print(f"{len(found)} differences: run `pathway build`, and edit only course/.", style="bold red")
        raise typer.Exit(1)
    console.print("data/, solutions/ and notebooks/ are what the text makes.")


def _facts_table(facts: list) -> Table:
    caption = "s and MB: time and peak memory of one run. ARI: automated readability index of the text, in years of school."
    table = Table(box=SIMPLE_HEAD, caption=caption, caption_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("notebook", overflow="fold")
    for column in ("cells", "tasks", "marks", "practice", "s", "MB", "ARI"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in facts:
        numbers = (one.cells, one.tasks, one.marks or "", one.practice or "", one.seconds, int(one.peak_mb), one.readability)
        table.add_row(f"{one.unit[:2]} {one.notebook}", *map(str, numbers), "built" if one.built else "unchanged")
    return table


@app.command()
def tidy(
    units: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIT]...", help="Units by number or folder. Default: all.")
    ] = None,
) -> None:
    """Write units' text in jupytext's own order, as JupyterLab would save it."""
    from course.builder.source import as_jupytext_writes, is_notebook, unit_folders

    folders = [
        f
        for f in unit_folders(ROOT / "course" / "units")
        if not units or {f.name, f.name[:2], f.name[:2].lstrip("0")} & {*units}
    ]
    for path in sorted(path for folder in folders for path in folder.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        tidied = as_jupytext_writes(path, text) if is_notebook(text) else text
        if tidied != text:
            path.write_text(tidied, encoding="utf-8")
            console.print(f"{path.relative_to(ROOT)}: tidied")


@app.command()
def lock() -> None:
    """Make requirements.lock and requirements-dev.lock anew from pyproject.toml, with hashes and no host names."""
    compile_ = [
        Path(sys.executable).parent / "uv",
        "pip",
        "compile",
        "--universal",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
    ]
    compile_ += ["--quiet", "--upgrade", "--python-version", "3.11", "pyproject.toml"]
    for command in (
        [*compile_, "-o", "requirements.lock"],
        [*compile_, "--extra", "tools", "-c", "requirements.lock", "-o", "requirements-dev.lock"],
    ):
        finished = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
        if finished.returncode:
            raise typer.Exit(finished.returncode)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
