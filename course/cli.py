"""`pathway`: the commands of those who write, test and run the course. Thin: each calls the room that does the work."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from course import launch_cli, mentor_cli
from course.console import console, progress_bar, refuse, say, whole_number
from course.launch import workshop_cli
from course.launch.hub import cli as hub_cli
from course.site import site_cli

ROOT = Path(__file__).resolve().parent.parent
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
bench = typer.Typer(no_args_is_help=True, help="Measure the course.")
app.add_typer(bench, name="bench")
app.add_typer(launch_cli.app)
bench.add_typer(launch_cli.bench_app)
app.add_typer(hub_cli.app)
bench.add_typer(hub_cli.bench_app)
app.add_typer(site_cli.app)
app.add_typer(workshop_cli.app)
bench.add_typer(site_cli.bench_app)
bench.add_typer(workshop_cli.bench_app)
app.add_typer(mentor_cli.app)  # release, collect, grade, ... : at the top, beside build


@app.callback()
def main_options() -> None:
    """The Data Science Learning Pathway: build it and keep its locks."""


@contextmanager
def _broken_proof_told() -> Iterator[None]:
    """Say what keeps a proof from being made, and end: with 1 where a unit is at fault, with 2 where the machine is."""
    from course.builder.problem import BuildError
    from course.engine import EngineError

    try:
        yield
    except BuildError as error:
        _tell(error.problems)
        raise typer.Exit(1) from None
    except (EngineError, OSError) as error:
        refuse(str(error))


@contextmanager
def _interrupted_once() -> Iterator[Callable[[], bool]]:
    """Ctrl-C raises KeyboardInterrupt once; what it gives says whether it was pressed.

    Python loses an exception that comes while it clears up an object, and a second one would disturb the clearing up.
    """
    pressed = []

    def interrupt(*_) -> None:
        if not pressed:
            pressed.append(True)
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(problems: Sequence) -> None:
    """The problems of a BuildError, each with its file and line."""
    for problem in problems:
        path = problem.path.relative_to(ROOT) if problem.path.is_relative_to(ROOT) else problem.path
        line = f"{path}:{problem.line}: {problem.message}"
        console.print(line, style="red", highlight=False, markup=False, soft_wrap=True)


@app.command()
def build(
    units: Annotated[
        list[str] | None,
        typer.Argument(metavar="[UNIT]...", help="Units by number or folder, or `data`. Default: all that changed."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Build aside and compare with what is here; exit 1 when anything differs.")
    ] = False,
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With `data`: lay it in this folder, which is missing or empty.")
    ] = None,
    eastmere_seed: Annotated[
        str | None, typer.Option(metavar="N", help="With `data --into`: another Eastmere, for a cohort of its own.")
    ] = None,
    mentor: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="With `data --into`: lay what only mentors may see of it in this folder."),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="With `data`: what was made, beside the published figures.")
    ] = False,
) -> None:
    """Turn units' text into solutions/ and notebooks/, and course/town into data/."""
    from course.builder.stamps import facts_if_nothing_changed

    if (into or eastmere_seed or mentor or report) and (check or units != ["data"]):
        refuse("--into, --eastmere-seed, --mentor and --report belong to `pathway build data`.")
    if (eastmere_seed or mentor) and not into:
        refuse("--eastmere-seed and --mentor need --into DIR: the course's notebooks were made with data/ as it is.")
    if into:
        _lay_data(into, None if eastmere_seed is None else whole_number(eastmere_seed, "--eastmere-seed"), mentor, report)
        return
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
        with progress_bar("Building") as show:
            if check:
                found = compare(ROOT, show)
            else:
                facts = Builder(ROOT, progress=show).build(units or [])
    except BuildError as error:
        _tell(error.problems)
        count = len(error.problems)
        console.print(f"{count} problem{'s' if count != 1 else ''}; nothing was changed.", style="bold red")
        raise typer.Exit(1) from None
    if not check:
        console.print(_facts_table(facts) if facts else "data/ is up to date.")
        if report:
            from course.town import SEEDS

            _print_report(SEEDS)
        return
    for line in found:
        console.print(line, style="red", highlight=False, markup=False, soft_wrap=True)
    if found:
        console.print(f"{len(found)} differences: run `pathway build`, and edit only course/.", style="bold red")
        raise typer.Exit(1)
    console.print("data/, solutions/ and notebooks/ are what the text makes.")


def _lay_data(into: Path, eastmere_seed: int | None, mentor: Path | None, report: bool) -> None:
    """Make the data in a folder of somebody else's, and say where it is."""
    from course import town
    from course.town.borough import Refused

    seeds = town.SEEDS | ({} if eastmere_seed is None else {"eastmere": eastmere_seed})
    try:
        with console.status("Making Wexmoor and Eastmere"), _interrupted_once() as asked_to_stop:
            town.make(into, seeds, mentor, asked_to_stop)
    except Refused as error:
        refuse(f"{error} Nothing was written.", 1)
    except town.NoPlace as error:
        refuse(str(error))
    except OSError as error:
        why = "no space left on its disk" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
        refuse(f"{error.filename or into}: {why}. Nothing was written.", 1)
    drawn = ", ".join(f"{borough.capitalize()} from seed {seed}" for borough, seed in seeds.items())
    console.print(f"{into}: {drawn}.", highlight=False, markup=False, soft_wrap=True)
    if mentor is None:
        told = "What only mentors may see of it (truth, planted defects) comes with --mentor DIR, into another empty folder."
    else:
        told = f"{mentor}: what only mentors may see of it."
    console.print(told, highlight=False, markup=False, soft_wrap=True)
    if report:
        _print_report(seeds)


def _print_report(seeds: dict[str, int]) -> None:
    from course.town import fidelity
    from course.town.borough import draw

    with console.status("Measuring Wexmoor and Eastmere"):
        measured = fidelity.compare([draw(borough, seed) for borough, seed in seeds.items()])
    console.print(fidelity.as_rich(measured))


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
def prove(
    units: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIT]...", help="Units by number or folder. Default: all.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything that was tried as JSON, and nothing else.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page that shows each exercise with what it catches.")
    ] = None,
) -> None:
    """Show that every exercise is fair: right answers pass, wrong ones are caught and named, slips are noticed.

    Ends with 1 when anything falls short of the standard, and says which exercise, which answer and why.
    """
    from course.builder.build import select
    from course.proof import report
    from course.proof.eastmeres import other_eastmeres
    from course.proof.prove import Prover

    with _broken_proof_told(), progress_bar("Proving") as show:
        eastmeres = other_eastmeres(ROOT, progress=lambda what: show(0, 1, what))
        with Prover(ROOT, eastmeres, show) as prover:
            proofs = [prover.prove(unit) for unit in select(prover.units, units or [])]
    if html:
        html.write_text(report.as_html(proofs), encoding="utf-8")
    if as_json:
        typer.echo(report.as_json(proofs))
    else:
        console.print(report.as_rich(proofs))
        for line in (line for proof in proofs for line in report.remarks(proof)):
            console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)
        _tell([problem for proof in proofs for problem in proof.problems])
    if not all(proof.is_fair for proof in proofs):
        raise typer.Exit(1)


@app.command()
def tidy(
    units: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIT]...", help="Units by number or folder. Default: all.")
    ] = None,
) -> None:
    """Write units' text in jupytext's own order, as JupyterLab would save it."""
    from course.builder.build import select
    from course.builder.problem import BuildError
    from course.builder.source import as_jupytext_writes, is_notebook, unit_folders

    try:
        folders = select(unit_folders(ROOT / "course" / "units"), units or [])
    except BuildError as error:
        _tell(error.problems)
        raise typer.Exit(1) from None
    for path in sorted(path for folder in folders for path in folder.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        tidied = as_jupytext_writes(path, text) if is_notebook(text) else text
        if tidied != text:
            path.write_text(tidied, encoding="utf-8")
            console.print(f"{path.relative_to(ROOT)}: tidied")


@app.command()
def lock(
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Take the newest versions; without it what is pinned stays.")
    ] = False,
) -> None:
    """Make both locks, and binder/requirements.txt, from pyproject.toml, with hashes and no host names."""
    compile_ = [
        Path(sys.executable).parent / "uv",
        "pip",
        "compile",
        "--universal",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
    ]
    compile_ += ["--quiet", *(["--upgrade"] if upgrade else []), "--python-version", "3.11", "pyproject.toml"]
    for command in (
        [*compile_, "-o", "requirements.lock"],
        [*compile_, "--extra", "tools", "-c", "requirements.lock", "-o", "requirements-dev.lock"],
    ):
        finished = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
        if finished.returncode:
            raise typer.Exit(finished.returncode)
    shutil.copyfile(ROOT / "requirements.lock", ROOT / "binder" / "requirements.txt")  # what a Binder installs


@bench.command("seeds")
def bench_seeds(
    seeds: Annotated[str, typer.Option(metavar="N", help="How many seeds, from 1 on.")] = "20",
) -> None:
    """Draw a borough from each of many seeds: how many are refused, and how close the others come to the figures."""
    count = whole_number(seeds, "--seeds", least=1)
    from course.town import fidelity

    with progress_bar("Drawing") as show:
        tried = []

        def advance(one: fidelity.Tried) -> None:
            tried.append(one)
            show(len(tried), count, f"from seed {one.seed}")

        show(0, count)
        trials = fidelity.try_seeds(range(1, count + 1), progress=advance)
    console.print(fidelity.trials_as_rich(trials))


@bench.command("proof")
def bench_proof(
    unit: Annotated[str, typer.Argument(metavar="[UNIT]", help="A unit by number or folder.")] = "01",
    sample: Annotated[str, typer.Option(metavar="N", help="How many answers nbclient is measured with.")] = "16",
) -> None:
    """Seconds an answer in the engine that proves, against one run of the notebook by nbclient for each answer."""
    from course.builder.build import select
    from course.proof.bench import measure
    from course.proof.eastmeres import other_eastmeres
    from course.proof.prove import Prover

    count = whole_number(sample, "--sample", least=1)
    with _broken_proof_told(), console.status("Drawing other Eastmeres") as status:
        eastmeres = other_eastmeres(ROOT)
        status.update("Proving")
        with Prover(ROOT, eastmeres) as prover:
            (chosen,) = select(prover.units, [unit])
            found = measure(prover, chosen, count, lambda what: status.update(what.capitalize()))
    console.print(
        f"{found.unit}: {found.answers} answers in {found.engine_seconds:.0f} s, {found.an_answer:.3f} s each.\n"
        f"nbclient: {found.sample} of them, a run of the notebook each, {found.a_run:.2f} s each.\n"
        f"{found.times:.0f} times as fast, on {os.cpu_count()} cores.",
        highlight=False,
        soft_wrap=True,
    )


@bench.command("grading")
def bench_grading(
    unit: Annotated[str, typer.Argument(metavar="[UNIT]", help="A unit by number or folder.")] = "01",
    submissions: Annotated[str, typer.Option(metavar="N", help="How many `pathway grade` is given.")] = "60",
    plain: Annotated[str, typer.Option(metavar="N", help="How many of them plain nbgrader is given.")] = "6",
) -> None:
    """Seconds a submission, and whether the marks are the same: `pathway grade` against plain `nbgrader autograde`.

    Ends with 1 when a mark differs, when it is less than ten times as fast, or when it takes longer than the cells allow.
    """
    import tempfile

    from course.builder.build import Builder, select
    from course.grading.bench import measure

    count, sample = whole_number(submissions, "--submissions", least=2), whole_number(plain, "--plain", least=2)
    with _broken_proof_told(), console.status("Starting") as status:
        (chosen,) = select(Builder(ROOT).units(), [unit])
        with tempfile.TemporaryDirectory(prefix="pathway-bench-") as scratch:
            try:
                found = measure(chosen, count, min(sample, count), Path(scratch), status.update)
            except subprocess.CalledProcessError as error:
                refuse(f"`{' '.join(error.cmd)}` failed: {error.stderr.strip()[-2000:]}", 1)
    each = found.ours / found.submissions
    lines = [
        f"{found.unit}, {found.submissions} submissions of {found.notebooks} notebooks, {found.cores} cores",
        f"plain nbgrader: {found.plain:.2f} s a submission ({found.plain_submissions} of them, without its start)",
        f"pathway grade: {each:.3f} s a submission, {found.ours:.1f} s in all, {found.peak_mb:.0f} MB at most",
        f"  running cells {found.cells:.1f} s, starting {found.starting:.1f} s, keeping {found.keeping:.1f} s "
        f"(on all cores together), entering {found.entering:.1f} s",
        f"  the cells by themselves {found.own:.3f} s a submission: {found.allowed:.1f} s allowed in all",
        f"marks that differ: {len(found.differ)}; for a library's warning: {found.excused}",
        *found.differ,
        f"ratio {found.ratio:.1f}",
    ]
    for line in lines:
        say(line)
    if not found.is_met:
        raise typer.Exit(1)


@bench.command("siting")
def bench_siting(
    orlib: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Solve this p-median file of the OR-Library, and more behind it."),
    ] = None,
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="More files, behind --orlib FILE.")] = None,
    areas: Annotated[str, typer.Option(metavar="N", help="Areas of the largest made-up town.")] = "2000",
) -> None:
    """Seconds and memory of the siting models in made-up towns; with --orlib the optimum of each published file."""
    largest = whole_number(areas, "--areas", least=4)
    if more and not orlib:
        refuse("files of the OR-Library stand behind --orlib.")
    from course import siting_bench

    if not orlib:
        with console.status("Siting"):
            found = list(siting_bench.measured(largest))
        console.print(_siting_table(found))
        return
    files = [*orlib, *(more or [])]
    try:
        for path in files:
            siting_bench.parse_orlib(path)  # all of them first: one may take minutes to solve
        for path in files:
            with console.status(f"Solving {path}"):
                one = siting_bench.solve(path)
            line = f"{path}: {one.vertices} vertices, p {one.medians}, optimum {one.optimum:.10g} (bound {one.bound:.10g})"
            line += f", {one.seconds:.1f} s, {one.peak_mb:.0f} MB"
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    except siting_bench.Unreadable as error:
        refuse(str(error), 1)


def _siting_table(found: list) -> Table:
    caption = "MB: peak memory of the whole process. gap: metres, or children, between the plan and the proved bound."
    table = Table(box=SIMPLE_HEAD, caption=caption, caption_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("model", no_wrap=True)
    for column in ("areas", "schools", "options", "projects", "s", "MB", "gap"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in found:
        asked = one.asked
        sizes = map(str, (asked.areas, asked.schools, asked.options, asked.projects))
        table.add_row(asked.model, *sizes, f"{one.seconds:.2f}", f"{one.peak_mb:.0f}", f"{one.gap:.2g}")
    return table


def main() -> None:
    app()


if __name__ == "__main__":
    main()
