"""Units released to a cohort and submissions collected, by the real nbgrader, from its exchange and from files."""

import os
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import nbformat
import pytest
from nbgrader.exchange.default import ExchangeFetchAssignment, ExchangeSubmit

from course.grading import collect as collecting
from course.grading.cohort import Cohort, CohortError, Trainee
from course.grading.collect import collect
from course.grading.exchange import Refused, extend, release, run_quietly
from course.grading.hand_in import Matcher, NoMatch
from course.grading.settings import cohort_settings
from tests.conftest import edit
from tests.grading.small_unit import ASSESSMENT, LESSON, UNIT, answered, edit_cell, new_cohort

DUE = datetime(2026, 12, 1, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Cohort:
    """A cohort to which the unit is released; copied for each test."""
    return new_cohort(tmp_path_factory.mktemp("fresh"))


@pytest.fixture
def cohort(fresh, tmp_path) -> Cohort:
    import shutil

    shutil.copytree(fresh.root.parent, tmp_path, dirs_exist_ok=True)
    return Cohort(tmp_path / "cohort")


def again(cohort: Cohort, **options):
    return release(cohort, "7", checkout=cohort.root.parent / "checkout", **options)


def solution(cohort: Cohort, name: str = ASSESSMENT) -> Path:
    return cohort.root.parent / "checkout" / "solutions" / UNIT / f"{name}.ipynb"


def hidden(cohort: Cohort, check: str) -> str:
    """A check's source in the gradebook: with what is hidden."""
    with cohort.gradebook() as gradebook:
        return gradebook.find_source_cell(check, ASSESSMENT, UNIT).source


def submit(cohort: Cohort, trainee: str, answers: dict[str, dict[str, str]], at: datetime | None = None) -> Path:
    """What a trainee does: fetch the unit from the exchange, answer, submit; returns the trainee's folder."""
    home = cohort.root.parent / trainee
    config = cohort_settings(cohort.root)
    config.Exchange.assignment_dir, config.Exchange.cache = str(home), str(home / "cache")
    config.CourseDirectory.student_id = trainee
    if not home.exists():
        home.mkdir()
        run_quietly(ExchangeFetchAssignment, config, UNIT, "fetch")
    for name in (LESSON, ASSESSMENT):
        (home / UNIT / f"{name}.ipynb").write_text(answered(cohort, name, answers.get(name, {})), encoding="utf-8")
    if at:
        config.Exchange.timestamp_format = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    run_quietly(ExchangeSubmit, config, UNIT, "submit")
    return home


def inbound(cohort: Cohort, trainee: str) -> list[Path]:
    return sorted((cohort.exchange / cohort.name / "inbound").glob(f"{trainee}+*"))


def collected(cohort: Cohort, trainee: str, name: str = ASSESSMENT) -> str:
    return (cohort.submitted / trainee / UNIT / f"{name}.ipynb").read_text(encoding="utf-8")


# Releasing


def test_what_is_released_has_no_answers_and_no_hidden_checks_and_the_gradebook_has_both(cohort):
    text = (cohort.release / UNIT / f"{ASSESSMENT}.ipynb").read_text()
    there = (cohort.exchange / cohort.name / "outbound" / UNIT / f"{ASSESSMENT}.ipynb").read_text()
    assert "waits.max()" not in text and "Nobody came" not in text and text == there
    assert "Nobody came, so nobody waited" in hidden(cohort, "longest-wait-check")


def test_releasing_again_changes_nothing_and_says_so(cohort):
    before = (cohort.release / UNIT).stat().st_ino
    done = again(cohort)
    assert (done.is_new, done.changed, done.in_exchange) == (False, (), True)
    assert (cohort.release / UNIT).stat().st_ino == before


def test_a_mended_hidden_check_comes_into_the_gradebook_and_the_mentor_is_told_which_and_what_was_graded(cohort):
    edit_cell(solution(cohort), "Nobody came, so nobody waited", "An empty desk has no queue")
    (cohort.records / UNIT).mkdir(parents=True)
    (cohort.records / UNIT / "t01.json").write_text("{}")
    done = again(cohort)
    assert done.changed == (f"{ASSESSMENT}.ipynb: the check of exercise 1",)
    assert done.checks_changed and done.graded == 1
    assert "An empty desk has no queue" in hidden(cohort, "longest-wait-check")
    assert "An empty desk" not in (cohort.release / UNIT / f"{ASSESSMENT}.ipynb").read_text()


def test_what_nbgrader_refuses_leaves_release_source_gradebook_and_exchange_as_they_were(cohort):
    submit(cohort, "t01", {})
    collect(cohort, UNIT)
    with cohort.gradebook() as gradebook, gradebook.db.no_autoflush:
        gradebook.add_submission(UNIT, "t01")
    before = everything(cohort)
    # The lesson comes second: the assessment's change would be in the gradebook when nbgrader refuses the lesson's.
    edit_cell(solution(cohort), "Nobody came, so nobody waited", "An empty desk has no queue")
    notebook = nbformat.read(solution(cohort, LESSON), as_version=4)
    notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("check")]
    nbformat.write(notebook, solution(cohort, LESSON))
    with pytest.raises(Refused, match="nothing was changed: Cannot add or remove cells for notebook 'queues'"):
        again(cohort)
    assert everything(cohort) == before
    assert "Nobody came" in hidden(cohort, "longest-wait-check")


def everything(cohort: Cohort) -> dict[str, bytes]:
    folders = cohort.source, cohort.release, cohort.submitted, cohort.exchange
    return {str(file): file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file()}


def test_a_source_that_a_mentor_mended_is_not_overwritten_and_can_be_released_as_it_is(cohort):
    mended = cohort.source / UNIT / f"{ASSESSMENT}.ipynb"
    edit_cell(mended, "Nobody came, so nobody waited", "Mended by the mentor")
    with pytest.raises(CohortError, match="was changed by hand: `pathway release 07 --as-here`"):
        again(cohort)
    done = again(cohort, as_here=True)
    assert done.changed == (f"{ASSESSMENT}.ipynb: the check of exercise 1",)
    assert "Mended by the mentor" in hidden(cohort, "longest-wait-check") and "Mended by the mentor" in mended.read_text()
    with pytest.raises(CohortError, match="was changed by hand"):
        again(cohort)
    edit_cell(mended, "Mended by the mentor", "Nobody came, so nobody waited")
    assert again(cohort).checks_changed and "Nobody came" in hidden(cohort, "longest-wait-check")


def test_running_and_saving_a_source_is_not_mending_it(cohort):
    path = cohort.source / UNIT / f"{LESSON}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["toc-showtags"] = False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text="ran")], 3
    nbformat.write(notebook, path)
    assert again(cohort).changed == ()


def test_a_due_date_is_nbgrader_s_own_in_utc_and_stays_when_released_again(cohort):
    london = datetime.fromisoformat("2026-06-01 17:00+01:00")
    assert again(cohort, due=london).due == datetime(2026, 6, 1, 16, tzinfo=UTC)
    assert again(cohort).due == datetime(2026, 6, 1, 16, tzinfo=UTC)
    with cohort.gradebook() as gradebook:
        assert gradebook.find_assignment(UNIT).duedate == datetime(2026, 6, 1, 16)


@pytest.mark.parametrize("wanted", ["8", "queues", "07-lines", ""])
def test_a_unit_that_there_is_not_is_told_with_those_that_there_are(cohort, wanted):
    with pytest.raises(CohortError, match=f'No unit is called "{wanted}". There are 07-queues.'):
        release(cohort, wanted, checkout=cohort.root.parent / "checkout")


def test_an_assessment_s_source_has_the_outputs_of_the_cohort_s_own_eastmere(tmp_path):
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                'import pandas as pd\nfrom course import DATA\nlen(pd.read_csv(DATA / "eastmere" / "schools.csv"))',
                id="count",
            )
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    folder = tmp_path / "checkout" / "solutions" / "01-schools"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "schools-assessment.ipynb")
    (tmp_path / "roster.csv").write_text("id\nt01\n")
    cohort = Cohort.new(tmp_path / "cohort", tmp_path / "roster.csv")
    edit(cohort.root / "cohort.json", '"eastmere_seed": null', '"eastmere_seed": 7')
    schools = cohort.data / "eastmere" / "schools.csv"
    schools.write_text("\n".join(schools.read_text().splitlines()[:6]))
    release(Cohort(cohort.root), "1", checkout=tmp_path / "checkout")
    made = nbformat.read(cohort.source / "01-schools" / "schools-assessment.ipynb", as_version=4)
    assert made.cells[0].outputs[0].data["text/plain"] == "5"


RELEASE = """
import sys
from pathlib import Path
from course.grading.cohort import Cohort
from course.grading.exchange import release
release(Cohort(Path(sys.argv[1])), "7", checkout=Path(sys.argv[2]), progress=lambda *_: print("going", flush=True))
"""


def test_a_release_that_is_killed_at_any_moment_is_put_right_by_the_next(cohort):
    edit_cell(solution(cohort), "Nobody came, so nobody waited", "An empty desk has no queue")
    checkout = cohort.root.parent / "checkout"
    for delay in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        going = subprocess.Popen([sys.executable, "-c", RELEASE, cohort.root, checkout], stdout=subprocess.PIPE, text=True)
        assert going.stdout.readline() == "going\n"
        time.sleep(delay)
        going.kill()
        going.wait(10)
    again(cohort)
    assert "An empty desk has no queue" in hidden(cohort, "longest-wait-check")
    assert "An empty desk has no queue" in (cohort.source / UNIT / f"{ASSESSMENT}.ipynb").read_text()
    for place in (cohort.release, cohort.exchange / cohort.name / "outbound"):
        assert sorted(path.name for path in (place / UNIT).iterdir()) == [f"{ASSESSMENT}.ipynb", f"{LESSON}.ipynb"]
    assert again(cohort).changed == () and not [*cohort.root.glob(".release-*")]


def test_an_exchange_that_cannot_be_written_is_told_and_the_unit_is_released_all_the_same(tmp_path):
    (tmp_path / "exchange").write_text("a file")
    cohort = new_cohort(tmp_path, exchange=tmp_path / "exchange")
    done = again(cohort)
    assert not done.in_exchange and done.why_not.startswith("nbgrader does not put it into the exchange: ")
    assert cohort.units() == [UNIT]


def test_a_shared_exchange_holds_cohorts_of_different_names(tmp_path):
    cohort = new_cohort(tmp_path, exchange=tmp_path / "shared")
    assert (tmp_path / "shared" / "cohort" / "outbound" / UNIT / f"{LESSON}.ipynb").is_file()
    assert cohort.exchange == tmp_path / "shared" and not (cohort.root / "exchange").exists()
    with pytest.raises(CohortError, match="has a course cohort already"):
        Cohort.new(tmp_path / "other" / "cohort", tmp_path / "roster.csv", exchange=tmp_path / "shared")


# The exchange


def test_what_a_trainee_submits_by_the_exchange_is_collected_once_and_a_later_one_replaces_it(cohort):
    submit(cohort, "t01", {ASSESSMENT: {"longest-wait": "first = 1"}}, DUE - timedelta(days=2))
    submit(cohort, "t02", {})
    first = collect(cohort, UNIT)
    assert (first.new, first.replaced, first.left_out) == (("t01", "t02"), (), ())
    assert collect(cohort, UNIT).same == ("t01", "t02")
    (cohort.records / UNIT).mkdir(parents=True)
    (cohort.records / UNIT / "t01.json").write_text("{}")
    submit(cohort, "t01", {ASSESSMENT: {"longest-wait": "second = 2"}}, DUE - timedelta(days=1))
    later = collect(cohort, UNIT)
    assert (later.replaced, later.same, later.to_grade_again) == (("t01",), ("t02",), ("t01",))
    assert "second = 2" in collected(cohort, "t01")


def test_work_behind_the_due_date_is_late_until_an_extension_covers_it(cohort):
    again(cohort, due=DUE)
    submit(cohort, "t01", {}, DUE - timedelta(minutes=1))
    submit(cohort, "t02", {}, DUE + timedelta(hours=30))
    assert collect(cohort, UNIT).late == ("t02",)
    assert extend(cohort, "7", "t02", hours=48) == DUE + timedelta(hours=48)
    assert collect(cohort, UNIT).late == ()
    assert extend(cohort, "7", "t02", hours=0) == DUE
    assert collect(cohort, UNIT).late == ("t02",)
    with cohort.gradebook() as gradebook:
        assert gradebook.find_submission(UNIT, "t02").extension is None


def test_an_extension_needs_a_due_date_and_somebody_of_the_roster(cohort):
    with pytest.raises(CohortError, match="no due date"):
        extend(cohort, "7", "t01", hours=1)
    again(cohort, due=DUE)
    with pytest.raises(CohortError, match="t09 is not on the roster"):
        extend(cohort, "7", "t09", hours=1)


def test_a_submission_with_a_link_is_left_out_and_told_and_the_one_before_it_counts(cohort):
    secret = cohort.root.parent / "secret.txt"
    secret.write_text("the mentor's own")
    submit(cohort, "t01", {ASSESSMENT: {"longest-wait": "honest = 1"}}, DUE - timedelta(days=2))
    submit(cohort, "t01", {}, DUE - timedelta(days=1))
    submit(cohort, "t02", {})
    latest = inbound(cohort, "t01")[-1]
    (latest / "data.csv").symlink_to(secret)
    done = collect(cohort, UNIT)
    assert done.new == ("t01", "t02") and "honest = 1" in collected(cohort, "t01")
    assert [str(one) for one in done.left_out] == [
        f"{latest.name}: there is a link in it (data.csv): hand in the file itself"
    ]
    assert not any(secret.read_text() in file.read_text() for file in cohort.submitted.rglob("*") if file.is_file())


def test_a_link_that_is_laid_while_it_is_copied_is_not_followed(cohort, tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "fine.txt").write_text("fine")
    (tmp_path / "from" / "link.txt").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        collecting.copy_without_links(tmp_path / "from", tmp_path / "to", [])
    assert not (tmp_path / "to" / "link.txt").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"t01+{UNIT}+never", "not a submission's name"),
        (f"+{UNIT}+2026-11-01 10:00:00 UTC", "not the name of a trainee"),
        (f"a b+{UNIT}+2026-11-01 10:00:00 UTC", "not the name of a trainee"),
        (f"\x1b[2J+{UNIT}+2026-11-01 10:00:00 UTC", "not the name of a trainee"),
    ],
)
def test_a_made_up_name_in_the_exchange_stops_nobody_else_s(cohort, name, said):
    submit(cohort, "t01", {})
    (cohort.exchange / cohort.name / "inbound" / name).mkdir()
    done = collect(cohort, UNIT)
    assert done.new == ("t01",)
    assert [one.why.startswith(said) for one in done.left_out] == [True] and "\x1b" not in str(done.left_out[0])


def test_a_pipe_and_a_submission_that_is_too_large_stop_nobody_else_s(cohort):
    for trainee in ("t01", "t02", "t03"):
        submit(cohort, trainee, {})
    os.mkfifo(inbound(cohort, "t01")[0] / "pipe")
    with (inbound(cohort, "t02")[0] / "huge.bin").open("wb") as file:
        file.truncate(200_000_000)
    done = collect(cohort, UNIT)
    assert done.new == ("t03",)
    assert ["no file (pipe)" in one.why or "larger than 100 MB" in one.why for one in done.left_out] == [True, True]


def test_what_another_trainee_s_account_hands_in_is_left_out(tmp_path):
    import getpass

    me = getpass.getuser()
    cohort = new_cohort(tmp_path, f"t01 {me}")
    submit(cohort, "t01", {})
    submit(cohort, me, {})
    done = collect(cohort, UNIT)
    assert done.new == (me,)
    assert [one.why for one in done.left_out] == [f"handed in under the name of t01 by the account of {me}"]


@pytest.mark.parametrize("made_up", ["when I liked", "2000-01-01 00:00:00 UTC", ""])
def test_a_time_that_a_trainee_made_up_neither_counts_nor_stops_the_next_collection(cohort, made_up):
    again(cohort, due=DUE)
    submit(cohort, "t01", {}, DUE + timedelta(hours=1))
    (inbound(cohort, "t01")[0] / "timestamp.txt").write_text(made_up)
    assert collect(cohort, UNIT).late == ("t01",)
    assert collect(cohort, UNIT).same == ("t01",)


def test_somebody_who_is_not_on_the_roster_is_collected_and_told(cohort):
    submit(cohort, "t77", {})
    done = collect(cohort, UNIT)
    assert done.new == ("t77",) and any("Not on the roster: t77" in note for note in done.notes)


def test_plain_nbgrader_collects_as_safely_and_lists_what_is_released(cohort):
    submit(cohort, "t01", {})
    submit(cohort, "t02", {})
    (inbound(cohort, "t01")[0] / "link").symlink_to("/etc/passwd")
    plain(cohort, "collect", UNIT)
    assert cohort.handed_in(UNIT) == ["t02"]
    assert f"cohort {UNIT}" in plain(cohort, "list")


def plain(cohort: Cohort, *arguments: str) -> str:
    """A command of nbgrader's, typed in the cohort's folder."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [tools / "nbgrader", *arguments], cwd=cohort.root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


# Files

LMS = {
    f"t01_12345_{ASSESSMENT}.ipynb": ("t01", ASSESSMENT),
    f"t01_assignsubmission_file_{LESSON}.ipynb": ("t01", LESSON),
    f"t02/{ASSESSMENT}.ipynb": ("t02", ASSESSMENT),
    f"t02_assignsubmission_file_/notebooks/{LESSON}.ipynb": ("t02", LESSON),
    f"essay_t03_attempt_2026-11-30-15-00-00_{ASSESSMENT}.ipynb": ("t03", ASSESSMENT),
    f"t03-{LESSON} (1).ipynb": ("t03", LESSON),
}


def lay_files(cohort: Cohort, folder: Path, names=LMS) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(answered(cohort, names[name][1], {"longest-wait": f"mine = {names[name][0]!r}"}))
    return folder


def zipped(folder: Path, place: Path) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return place


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_files_as_an_lms_names_them_are_collected_from_a_folder_and_from_its_zip(cohort, tmp_path, packed):
    files = lay_files(cohort, tmp_path / "files")
    done = collect(cohort, UNIT, zipped(files, tmp_path / "all.zip") if packed else files)
    assert (done.new, done.left_out, done.notes) == (("t01", "t02", "t03"), (), ())
    for trainee in done.new:
        assert sorted(path.stem for path in (cohort.submitted / trainee / UNIT).glob("*.ipynb")) == [LESSON, ASSESSMENT]
        assert f"mine = '{trainee}'" in collected(cohort, trainee)
    assert collecting.handed_in_at(cohort, "t03", UNIT) == datetime(2026, 11, 30, 15)
    assert collecting.handed_in_at(cohort, "t01", UNIT) is None
    again = collect(cohort, UNIT, files)
    assert again.same == ("t01", "t02", "t03")


def test_what_does_not_match_is_listed_with_the_reason_and_the_rest_is_collected(cohort, tmp_path):
    files = lay_files(cohort, tmp_path / "files", {f"t01_{ASSESSMENT}.ipynb": ("t01", ASSESSMENT)})
    for name in (
        f"t09_{LESSON}.ipynb",
        "t01_notes.ipynb",
        "t02_report.docx",
        f"t02_a_{LESSON}.ipynb",
        f"t02_b_{LESSON}.ipynb",
    ):
        (files / name).write_text("{}")
    (files / f"t03_{LESSON}.ipynb").symlink_to("/etc/passwd")
    (files / "._t01_queues.ipynb").write_text("litter of macOS")
    done = collect(cohort, UNIT, files)
    assert done.new == ("t01",)
    assert {one.path: one.why for one in done.left_out} == {
        f"t09_{LESSON}.ipynb": "nobody of the roster: put the trainee's id before the name, as in ID_NOTEBOOK.ipynb",
        "t01_notes.ipynb": f"no notebook of this unit ({LESSON}, {ASSESSMENT})",
        "t02_report.docx": "not a notebook (.ipynb)",
        f"t02_a_{LESSON}.ipynb": f"one of 2 files for {LESSON} of t02, and nothing says which counts: leave one",
        f"t02_b_{LESSON}.ipynb": f"one of 2 files for {LESSON} of t02, and nothing says which counts: leave one",
        f"t03_{LESSON}.ipynb": "a link, which is not followed",
    }
    assert done.notes == (f"t01 has not handed in {LESSON}.",)


def test_a_notebook_that_comes_later_is_added_and_the_older_of_two_with_times_is_left_out(cohort, tmp_path):
    early = lay_files(cohort, tmp_path / "early", {f"t01_2026-11-20-10-00-00_{LESSON}.ipynb": ("t01", LESSON)})
    late = lay_files(cohort, tmp_path / "late", {f"t01_2026-11-21-10-00-00_{ASSESSMENT}.ipynb": ("t01", ASSESSMENT)})
    collect(cohort, UNIT, early)
    assert collect(cohort, UNIT, late).replaced == ("t01",)
    assert collected(cohort, "t01", LESSON) and "mine = 't01'" in collected(cohort, "t01")
    assert collecting.handed_in_at(cohort, "t01", UNIT) == datetime(2026, 11, 21, 10)
    older = tmp_path / "older"
    older.mkdir()
    (older / f"t01_2026-11-19-10-00-00_{ASSESSMENT}.ipynb").write_text("{}")
    (older / f"t01_2026-11-18-10-00-00_{ASSESSMENT}.ipynb").write_text("{}")
    done = collect(cohort, UNIT, older)
    assert done.same == ("t01",) and {one.why for one in done.left_out} == {
        "t01 handed in a later one",
        "older than what was collected before",
    }
    assert "mine = 't01'" in collected(cohort, "t01")


def test_an_archive_that_a_trainee_packed_is_looked_into_and_one_in_that_is_not(cohort, tmp_path):
    inner = lay_files(cohort, tmp_path / "inner", {f"work/{ASSESSMENT}.ipynb": ("t01", ASSESSMENT)})
    outer = tmp_path / "outer"
    outer.mkdir()
    zipped(inner, outer / "t01_12345_my work.zip")
    (inner / "deeper").mkdir()
    zipped(inner, inner / "deeper" / "deep.zip")
    zipped(inner, outer / "t02_12345_work.zip")
    done = collect(cohort, UNIT, zipped(outer, tmp_path / "all.zip"))
    assert done.new == ("t01", "t02")
    assert [one.path for one in done.left_out] == ["t02_12345_work/deeper/deep.zip"]


def test_a_zip_that_means_harm_writes_nothing_outside_and_its_honest_files_are_collected(cohort, tmp_path):
    good = answered(cohort, LESSON)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"t01_{LESSON}.ipynb", good)
        archive.writestr(f"../../../t02_{LESSON}.ipynb", good)
        archive.writestr(f"/tmp/t02_{LESSON}.ipynb", good)
        archive.writestr(f"C:\\t02_{LESSON}.ipynb", good)
        archive.writestr(f"t02_{ASSESSMENT}.ipynb", b"0" * 30_000_000)  # 29 kB in the archive
        archive.writestr("t03_\x1b[31m.txt", "")
        link = zipfile.ZipInfo(f"t03_{LESSON}.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("t03_work.zip", b"PK\x03\x04 not an archive")
    before = {path for path in tmp_path.rglob("*") if cohort.root not in path.parents}
    done = collect(cohort, UNIT, tmp_path / "bad.zip")
    assert done.new == ("t01",)
    told = " | ".join(map(str, done.left_out))
    assert len(done.left_out) == 7 and told.count("leads outside") == 3 and "\x1b" not in told
    assert "larger than 20 MB" in told and "a link" in told and "not an archive that can be read" in told
    assert {path for path in tmp_path.rglob("*") if cohort.root not in path.parents} == before
    assert not Path(f"/tmp/t02_{LESSON}.ipynb").exists()


def test_an_archive_of_absurdly_many_files_or_none_is_told(cohort, tmp_path):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(50_001):
            archive.writestr(f"{number}", "")
    assert [one.why for one in collect(cohort, UNIT, tmp_path / "many.zip").left_out] == [
        "more than 50,000 files in one archive"
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(CohortError, match="is empty"):
        collect(cohort, UNIT, tmp_path / "empty")
    with pytest.raises(CohortError, match="does not exist"):
        collect(cohort, UNIT, tmp_path / "nowhere.zip")


def test_plain_nbgrader_zip_collect_takes_the_same_files(cohort, tmp_path):
    archive = cohort.downloaded / UNIT / "archive"
    lay_files(cohort, tmp_path / "files")
    archive.mkdir(parents=True)
    zipped(tmp_path / "files", archive / "from-the-lms.zip")
    plain(cohort, "zip_collect", UNIT)
    assert cohort.handed_in(UNIT) == ["t01", "t02", "t03"]


# Whose a file is

PEOPLE = [
    Trainee("ann"),
    Trainee("ann_lee", "Ann", "Lee", "ann@example.org", "4711"),
    Trainee("bob.k", "Bob", "Kay", None, "4712"),
    Trainee("bob2", "Bob", "Kay", None, "4713"),
]
NOTEBOOKS = ["deciding", "deciding-assessment", "limits"]


@pytest.mark.parametrize(
    ("path", "trainee", "notebook"),
    [
        ("ann_lee_991_deciding.ipynb", "ann_lee", "deciding"),
        ("ann_991_deciding.ipynb", "ann", "deciding"),
        ("ANN_991_Deciding-Assessment.IPYNB", "ann", "deciding-assessment"),
        ("bob.k_limits-2.ipynb", "bob.k", "limits"),
        ("Ann Lee_99887_assignsubmission_file/deciding.ipynb", "ann_lee", "deciding"),
        ("leeann_4711_882_deciding.ipynb", "ann_lee", "deciding"),
        ("kaybob_LATE_4713_882_deciding.ipynb", None, "may be by any of bob.k, bob2"),
        ("Bob Kay_1_assignsubmission_file/deciding.ipynb", None, "may be by any of bob.k, bob2"),
        ("annie_1_deciding.ipynb", None, "nobody of the roster"),
        ("ann_1_undeciding.ipynb", None, "no notebook of this unit"),
        ("deciding.ipynb", None, "nobody of the roster"),
    ],
)
def test_whose_a_file_is_and_which_notebook_or_why_it_cannot_be_said(path, trainee, notebook):
    matcher = Matcher(PEOPLE, NOTEBOOKS)
    if trainee is None:
        with pytest.raises(NoMatch, match=notebook):
            matcher(PurePosixPath(path))
    else:
        match = matcher(PurePosixPath(path))
        assert (match.trainee, match.notebook) == (trainee, notebook)
