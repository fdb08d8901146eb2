"""A department's hub, whole: a real JupyterHub with its proxy, accounts of a machine, two trainees, a mentor, a browser.

The machine is one within this one (hub_machine.py): its accounts are real, and so is what one may read of another's.
"""

import base64
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from course.builder.source import read_unit, unit_folders
from course.launch import bundle
from course.launch.browser import chromium
from course.launch.leaks import Secrets
from course.launch.links import hub_link
from course.launch.settings import CourseSettings
from tests.conftest import ROOT
from tests.launch import hub_people as people
from tests.launch.hub_machine import Machine
from tests.launch.hub_people import Hub
from tests.launch.lab_page import cell_with, menu, type_into

# In one process with the tests of the engine, so that their busy loops and floods do not run beside a browser.
pytestmark = pytest.mark.xdist_group("busy")
UNIT, LESSON, ASSESSMENT = "01-what-is-data-science", "venn-diagram", "data-science-assessment"
NUMBER, FUNCTION = 2, "in_all_three"  # the exercise that ann answers, 3 marks
ANSWER = f"def {FUNCTION}(circles, overlaps, in_none, staff):\n    return staff - in_none - sum(circles) + sum(overlaps)"
WRITTEN, MARK = "note", "3"  # of 4
NOTE = "I recommend the second team: the highest totals leave four skills to nobody. Heron and kingfisher agree."
COMMENT = "Clear, and with its number. Walk down Elm Road before you decide."
LOOK = (Path(__file__).with_name("hub_look.py")).read_text(encoding="utf-8")
COURSE = "/srv/pathway-exchange/autumn"


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[Hub]:
    """The hub that the handbook's page makes, started."""
    software = people.make_software(tmp_path_factory.mktemp("hub") / "software")
    repository = published(tmp_path_factory.mktemp("published"))
    machine = Machine(tmp_path_factory.mktemp("machine"), [software, repository])
    try:
        hub = Hub(machine, software)
        hub.lay_ground()
        hub.follow_page()
        hub.start()
        hub.repository = repository
        yield hub
    finally:
        machine.stop()


def published(folder: Path) -> Path:
    """A repository of git that holds the trainee tree, as the course is published."""
    tree = folder / "data-science-learning-pathway"
    bundle.lay(ROOT, tree)
    git = ["git", "-C", str(tree), "-c", "user.name=course", "-c", "user.email=course@example.org"]
    for command in (["init", "--quiet", "--initial-branch=trainee"], ["add", "--all"], ["commit", "--quiet", "-m", "tree"]):
        subprocess.run([*git, *command], check=True)
    return tree


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=people.PATIENCE_S * 1000)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def mel(hub, browser) -> Page:
    return hub.page(browser, "mel")


@pytest.fixture(scope="module")
def ann(hub, browser) -> Page:
    return hub.page(browser, "ann")


@pytest.fixture(scope="module")
def ben(hub, browser) -> Page:
    return hub.page(browser, "ben")


# ------------------------------------------------------------------------------------------------ a week on the hub


@pytest.fixture(scope="module")
def released(hub, mel) -> str:
    """Mel has made a cohort in a terminal on the hub, and released unit 01; gives what she was told."""
    (commands,) = re.findall(r"^```text\n(.*?)^```$", people.PAGE, re.MULTILINE | re.DOTALL)
    hub.machine.type("mel", "printf 'id\\nann\\nben\\n' > roster.csv")
    return hub.type_and_wait(mel, "mel", " && ".join(commands.splitlines()))


@pytest.fixture(scope="module")
def handed_in(hub, ann, ben, released) -> str:
    """Ann has fetched the unit, answered one exercise and the written one, validated and handed in; ben has handed in a
    blank one. Gives what Validate said to ann."""
    menu(ann, "Nbgrader", "Assignment List")
    ann.locator("#released_assignments_list").get_by_role("button", name="Fetch").click()
    fetched = ann.locator("#fetched_assignments_list")
    fetched.get_by_text(UNIT).click()
    fetched.get_by_text(ASSESSMENT).click()
    type_into(ann, cell_with(ann, f"def {FUNCTION}("), ANSWER)
    written = cell_with(ann, "YOUR ANSWER HERE")
    written.locator(".jp-MarkdownOutput").dblclick()
    type_into(ann, written, NOTE)
    ann.keyboard.press("Shift+Enter")
    ann.get_by_role("button", name="Validate").first.click()
    said = ann.locator("#validation-message").inner_text()
    ann.locator(".jp-Dialog .jp-mod-accept").click()
    ann.get_by_role("tab", name="Assignments").click()
    fetched.get_by_role("button", name="Submit").click()
    expect(ann.locator("#submitted_assignments_list")).to_contain_text(UNIT)
    hub.at_work("ben", f"nbgrader fetch_assignment {UNIT} && nbgrader submit {UNIT}")
    return said


@pytest.fixture(scope="module")
def graded(hub, mel, handed_in) -> str:
    """Mel has collected and graded, in her terminal."""
    return hub.type_and_wait(mel, "mel", "cd autumn && pathway collect 01 && pathway grade 01")


@pytest.fixture(scope="module")
def marked(hub, mel, graded) -> None:
    """Mel has marked ann's written answer by hand, in formgrader."""
    people.restart(mel)  # it was started before there was a cohort
    with mel.context.expect_page() as opened:
        menu(mel, "Nbgrader", "Formgrader")
    formgrader = opened.value
    formgrader.set_default_timeout(people.PATIENCE_S * 1000)
    formgrader.get_by_role("link", name="Manual Grading").click()
    formgrader.get_by_role("link", name=UNIT).click()
    formgrader.get_by_role("link", name=ASSESSMENT).click()
    row = formgrader.locator("tr").filter(has=formgrader.get_by_text("ann", exact=True))
    row.get_by_role("link", name=re.compile("Submission")).click()
    expect(formgrader.get_by_text(NOTE)).to_be_visible()
    comment, mark = formgrader.locator(f"#{WRITTEN}-comment"), formgrader.locator(f"input#{WRITTEN}")
    # Formgrader fetches marks and comments after the page, and lets go of what was typed before they came.
    expect(comment).to_have_attribute("placeholder", re.compile("comments here"))
    expect(mark).to_have_class(re.compile("needs_manual_grade"))
    for box, what in ((comment, COMMENT), (mark, MARK)):
        with formgrader.expect_response(lambda answer: answer.request.method == "PUT"):
            box.fill(what)
            formgrader.keyboard.press("Tab")
    formgrader.close()


@pytest.fixture(scope="module")
def fed_back(hub, mel, ann, marked) -> str:
    """Mel has given feedback, and ann has fetched hers; gives what she reads in it."""
    hub.type_and_wait(mel, "mel", "pathway feedback 01 --cohort autumn")
    submitted = ann.locator("#submitted_assignments_list")
    submitted.get_by_role("button", name="Fetch Feedback").click()
    submitted.get_by_text(UNIT).first.click()
    submitted.get_by_text("(view feedback)").click()
    ann.locator(".jp-DirListing-item").filter(has_text=ASSESSMENT[:15]).dblclick()
    page = ann.frame_locator("iframe.jp-HTMLViewer, .jp-HTMLViewer iframe, iframe").first
    page.get_by_text(COMMENT).first.wait_for()
    return page.locator("body").inner_text()


def test_before_there_is_a_cohort_there_is_no_formgrader_since_it_would_show_notebooks_as_they_are(hub, mel):
    assert not hub.machine.holds("root", "test", "-e", "/home/mel/autumn")
    page = mel.context.new_page()
    assert page.goto(f"{hub.address}/user/mel/formgrader").status == 404
    page.close()


def test_a_trainee_fetches_a_unit_answers_and_is_told_by_validate_what_does_not_hold_yet(hub, handed_in):
    assert "# Exercise 1: run this cell" in handed_in and "Not answered yet" in handed_in
    assert f"# Exercise {NUMBER}: run this cell" not in handed_in, "it is answered, and right"
    kept = hub.machine.read(f"/home/ann/{UNIT}/{ASSESSMENT}.ipynb")
    assert "sum(overlaps)" in kept and NOTE in kept


def test_the_mentor_collects_and_grades_in_a_sandbox_from_a_terminal_on_the_hub(hub, released, graded):
    assert f"{UNIT}: released" in released and "the exchange, course autumn" in released
    assert "2 submissions (2 new" in graded and "2 submissions graded" in graded
    assert "account" not in graded, "each submission was handed in by the account whose name it bears"
    assert {mark["student"]: mark["found"] for mark in marks(hub)} == {"ann": 3, "ben": 0}


def marks(hub: Hub) -> list[dict]:
    """Of each trainee's assessment: the marks of its checks, and of what was marked by hand."""
    code = f"""
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:////home/mel/autumn/gradebook.db", "autumn") as book:
    found = [book.find_submission_notebook("{ASSESSMENT}", "{UNIT}", one) for one in ("ann", "ben")]
    print(json.dumps([
        {{"student": one.student.id, "found": one.code_score, "written": one.written_score}} for one in found
    ]))
"""
    return json.loads(hub.machine.run("mel", ROOT / ".venv" / "bin" / "python", "-c", code))


def test_the_mentor_marks_by_hand_in_formgrader_which_opens_in_a_tab_of_its_own(hub, marked):
    assert {mark["student"]: mark["written"] for mark in marks(hub)} == {"ann": 3, "ben": 0}


def test_the_trainee_reads_the_marks_and_the_mentor_s_comment(fed_back):
    assert f"{ASSESSMENT} (Score: 6.0 / 28.0)" in fed_back
    assert NOTE in fed_back and COMMENT in fed_back
    assert "BEGIN HIDDEN" not in fed_back


# ------------------------------------------------------------------------------------------------ who sees what


@dataclass(frozen=True)
class Seen:
    """What ben found from a terminal on the hub: files that he can read, by path, and what he heard on ann's ports."""

    files: dict[str, bytes]
    heard: dict


@pytest.fixture(scope="module")
def seen(hub, ann, ben, fed_back) -> Seen:
    """Ben has looked through the whole machine, from a terminal of his JupyterLab, while a notebook of ann's printed."""
    ann.get_by_role("tab", name=f"{ASSESSMENT}.ip").click()
    cell = cell_with(ann, "def danger_zone_range(")
    type_into(ann, cell, f"import time\nfor _ in range(600):\n    print({NOTE!r}, flush=True)\n    time.sleep(0.1)")
    ann.keyboard.press("Control+Enter")
    expect(ann.locator(".jp-OutputArea-output").filter(has_text=NOTE).first).to_be_visible()
    hub.machine.write("/home/ben/look.py", LOOK)
    libraries = [hub.software / name for name in ("bin", "include", "lib", "proxy", "share")]
    left_out = " ".join(map(str, [*libraries, Path(sys.base_prefix).resolve()]))
    people.in_terminal(ben, f"python look.py ben ann {left_out}")
    hub.wait_for(ben, "/home/ben/seen.tar")
    packed = hub.machine.run("root", "base64", "-w0", "/home/ben/seen.tar")
    return Seen(unpacked(packed), json.loads(hub.machine.read("/home/ben/heard.json")))


def unpacked(packed: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))) as archive:
        return {f"/{one.name}": archive.extractfile(one).read() for one in archive if one.isreg()}


def test_no_file_that_a_trainee_can_read_holds_a_word_of_another_s_or_an_answer(seen):
    assert f"{COURSE}/outbound/{UNIT}/{ASSESSMENT}.ipynb" in seen.files, "he looked where units lie"
    assert any(path.startswith("/home/ben/") for path in seen.files)
    words = [text.encode() for text in (NOTE, COMMENT, people.PASSWORDS["ann"])]
    assert [path for path, content in seen.files.items() if any(word in content for word in words)] == []
    assert [path for path in seen.files if path.startswith(("/home/ann/", "/home/mel/", str(ROOT)))] == []
    secrets = Secrets(ROOT, [read_unit(folder) for folder in unit_folders(ROOT / "course" / "units")])
    assert [str(leak) for path, content in seen.files.items() for leak in secrets.in_file(path, content)] == []


def test_what_a_kernel_prints_cannot_be_overheard_and_a_server_lets_nobody_else_in(seen):
    assert seen.heard["who"] == "ben"
    assert seen.heard["ports"] >= 6, "ann's server, and a kernel with five ports"
    assert seen.heard["overheard"] == {}
    assert 403 in seen.heard["asked"].values() and 200 not in seen.heard["asked"].values()


def test_a_trainee_cannot_look_into_or_change_what_is_another_s_even_where_the_name_is_known(hub, seen):
    """Each line is one that would succeed if the permission that it is about were missing."""
    submission = hub.machine.type("root", f"ls -d {COURSE}/inbound/ann+*").strip()
    given = hub.machine.type("root", f"ls {COURSE}/feedback | head -1").strip()
    (server,) = hub.processes("ann", "jupyterhub-singleuser")
    known = [submission, f"/home/ann/{UNIT}/{ASSESSMENT}.ipynb", f"{COURSE}/feedback/{given}", f"/proc/{server}/environ"]
    assert all(hub.machine.holds("root", "test", "-e", path) for path in known)
    attempts = [
        "ls /home/ann",
        f"cat /home/ann/{UNIT}/{ASSESSMENT}.ipynb",
        "ls -d /home/ann/.nbgrader-cache",
        "echo mine > /home/ann/mine",
        "ls /home/mel/autumn",
        "cat /home/mel/autumn/gradebook.db",
        f"ls {COURSE}/inbound",
        f"cat '{submission.rsplit('+', 1)[0]}'*/submission_secret.txt",
        f"rm -r '{submission}'",
        f"mv '{submission}' '{COURSE}/inbound/ben+{UNIT}+stolen'",
        f"ls {COURSE}/feedback",
        f"touch {COURSE}/feedback/forged.html",
        f"touch {COURSE}/outbound/{UNIT}/forged.ipynb",
        f"mv {COURSE} /srv/pathway-exchange/gone",
        f"cat /proc/{server}/environ",
        f"ls /proc/{server}/fd/ /proc/{server}/cwd/",
        f"kill {server}",
        f"ls {ROOT}",
        f"cat {ROOT}/solutions/{UNIT}/{ASSESSMENT}.ipynb",
        f"touch {hub.software}/tree/course/checks.py",
        "ls /var/lib/pathway-hub",
        "cat /etc/shadow",
        "su - ann -c true < /dev/null",
    ]
    assert [line for line in attempts if hub.machine.holds("ben", "bash", "-c", line)] == []
    assert hub.machine.holds("root", "test", "-d", submission) and hub.processes("ann", "jupyterhub-singleuser") == [server]


@pytest.mark.parametrize(
    "path",
    ["/user/ann/lab", "/user/ann/api/contents", "/user/mel/formgrader", "/user/mel/terminals/websocket/1", "/hub/admin"],
)
def test_in_the_browser_a_trainee_is_let_into_nobody_else_s_server_nor_to_the_admin_page(hub, ben, path):
    page = ben.context.new_page()
    assert page.goto(hub.address + path).status == 403
    page.close()


def test_a_trainee_has_no_formgrader_neither_in_the_menu_nor_at_its_address(hub, ben):
    ben.get_by_role("menuitem", name="Nbgrader", exact=True).first.click()
    expect(ben.get_by_role("menuitem", name="Assignment List").first).to_be_visible()
    assert ben.get_by_role("menuitem", name=re.compile("Formgrader")).count() == 0
    ben.keyboard.press("Escape")
    page = ben.context.new_page()
    assert page.goto(f"{hub.address}/user/ben/formgrader").status == 404
    page.close()


def test_who_is_in_no_group_of_the_course_cannot_log_in_though_the_password_is_right(hub, browser):
    page = hub.log_in(browser, "pat")
    expect(
        page.get_by_text("Invalid username or password").or_(page.get_by_text("not currently authorized"))
    ).to_be_visible()
    assert hub.processes("pat", "jupyterhub") == []
    page.context.close()


# ------------------------------------------------------------------------------------------------ how it is kept


def test_homes_and_exchange_are_closed_and_open_where_they_should_be(hub, handed_in, fed_back):
    assert mode(hub, "/home/pat") == "755", "Debian's useradd leaves homes open"
    assert [mode(hub, f"/home/{name}") for name in ("ann", "ben", "mel")] == ["700"] * 3
    assert mode(hub, "/srv/pathway-exchange") == "1777"
    assert mode(hub, f"{COURSE}/inbound") == "3733", "all may hand in, and nobody lists or removes what others did"
    assert mode(hub, f"{COURSE}/feedback") == "711"
    names = hub.machine.type("root", f"ls {COURSE}/feedback").split()
    assert len(names) == 4 and all(re.fullmatch(r"[0-9a-f]{32}\.html", name) for name in names)


def mode(hub: Hub, place: str) -> str:
    return hub.machine.type("root", f"stat -c %a {place}").strip()


def test_the_proxy_and_the_idle_culler_run_as_an_account_that_may_nothing(hub):
    for words in ("configurable-http-proxy", "jupyterhub_idle_culler"):
        (process,) = hub.processes("pathway-hub", words)
        status = dict(line.split(":\t", 1) for line in hub.machine.read(f"/proc/{process}/status").splitlines())
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0 and status["NoNewPrivs"] == "1"
        assert status["Groups"].strip() == ""
    assert hub.machine.type("root", "find / -xdev -user pathway-hub ! -path '/proc/*'") == ""


def test_a_server_is_started_with_nothing_of_root_s_in_its_environment(hub, ann, mel):
    for account in ("ann", "mel"):
        found = hub.environment(account)
        assert not [name for name in found if "CONFIGPROXY" in name or "SECRET" in name or name == "PATHWAY_HUB"]
        assert found["HOME"] == f"/home/{account}"


def test_cookies_are_for_encrypted_lines_alone_and_do_not_come_with_requests_of_other_sites(ann):
    cookies = [cookie for cookie in ann.context.cookies() if "jupyterhub" in cookie["name"]]
    assert {"jupyterhub-session-id", "jupyterhub-hub-login", "jupyterhub-user-ann"} <= {one["name"] for one in cookies}
    assert [one["name"] for one in cookies if not one["secure"] or one["sameSite"] == "None"] == []
    logins = [one for one in cookies if one["name"] != "jupyterhub-session-id"]
    assert all(one["httpOnly"] for one in logins)


def test_a_link_brings_the_course_into_a_trainee_s_home_and_opens_the_notebook(hub, ben):
    hub.machine.write("/etc/gitconfig", "[safe]\n\tdirectory = *\n")  # it is root's: on the web it has no owner
    settings = CourseSettings(f"file://{hub.repository}", "trainee", "", hub.address, "", "")
    page = ben.context.new_page()
    page.set_default_timeout(people.PATIENCE_S * 1000)
    page.goto(hub_link(settings, "notebooks/00-start-here/start-here.ipynb"))
    expect(page.get_by_role("heading", name="Start here", exact=False).first).to_be_visible()
    assert hub.machine.holds("ben", "test", "-d", "/home/ben/data-science-learning-pathway/data")
    page.close()


def test_the_idle_culler_may_stop_servers_and_nothing_else(hub, ben):
    (culler,) = hub.processes("pathway-hub", "jupyterhub_idle_culler")
    service = hub.environment_of(culler)
    token = service["JUPYTERHUB_API_TOKEN"]
    assert hub.ask("/hub/api/users", token)[0] == 200
    assert hub.ask("/hub/api/users/eve", token, "POST")[0] == 403
    assert hub.ask("/user/ben/api/contents", token)[0] == 403
    ben.goto(f"{hub.address}/hub/home")  # JupyterLab, left open, would go on asking
    once = f"timeout 20 {hub.software}/bin/python -m jupyterhub_idle_culler --timeout=1 --cull-every=2"
    hub.machine.type("pathway-hub", f"{once} & while pgrep -u ben -f singleuser; do sleep 0.5; done; kill %1", **service)
    assert hub.processes("ben", "jupyterhub-singleuser") == []


def test_the_page_s_check_found_nothing_to_mend_and_the_hub_does_not_start_while_answers_are_open(hub):
    (said,) = [said for line, said in hub.said.items() if line.endswith("hub check")]
    assert "MEND" not in said and "OK   answers are closed to trainees" in said and "Next: pathway hub start" in said
    hub.machine.run("root", "chmod", "755", ROOT)
    try:
        found = hub.machine.type("root", f"{people.PATHWAY} hub check", code=1)
        assert f"MEND answers are closed to trainees\n     everybody can read {ROOT}/solutions" in found
        refused = hub.machine.type("root", f"{people.PATHWAY} hub start", code=1)
        assert "hub: answers are closed to trainees: everybody can read" in refused and "Traceback" not in refused
    finally:
        hub.machine.run("root", "chmod", "750", ROOT)


SETTINGS_UNKNOWN = """
import json
from jupyterhub.app import JupyterHub
hub = JupyterHub()
hub.load_config_file("course/launch/hub/jupyterhub_config.py")
known = set(hub.spawner_class.class_trait_names(config=True))
wanted = {name for kind in hub.spawner_class.mro() for name in hub.config.get(kind.__name__, {})}
limits = hub.spawner_class.mem_limit.validate(None, hub.config.Spawner.mem_limit), hub.config.Spawner.cpu_limit
print(json.dumps([hub.spawner_class.__name__, sorted(wanted - known), limits]))
"""


def test_where_systemd_runs_the_machine_memory_and_processors_are_limited_by_its_spawner(hub):
    """What systemd makes of it is not tried: it does not run this machine."""
    tried = f"cd {ROOT} && {ROOT}/.venv/bin/python -c '{SETTINGS_UNKNOWN}' 2>/dev/null"
    hub.machine.type("root", "mkdir -p /run/systemd/system")
    hub.fill_in(isolation="systemd", memory="1500M", processors=1.5)
    try:
        assert json.loads(hub.machine.type("root", tried)) == ["SystemdSpawner", [], [1500 * 2**20, 1.5]]
    finally:
        hub.machine.type("root", "rm -r /run/systemd")
        hub.fill_in()


@pytest.mark.parametrize(
    ("does", "undoes", "told"),
    [
        ("usermod -aG pathway-mentors ben", "gpasswd -d ben pathway-mentors", "ben is a trainee of autumn and a mentor"),
        ("gpasswd -d mel pathway-mentors", "usermod -aG pathway-mentors mel", "`usermod -aG pathway-mentors mel`"),
        ("usermod -aG autumn pathway-hub", "gpasswd -d pathway-hub autumn", "the proxy runs as it, and needs to be in none"),
        ("chmod 777 /srv/pathway-exchange", "chmod 1777 /srv/pathway-exchange", "with mode 1777: `pathway hub prepare`"),
        ("chmod 755 /var/lib/pathway-hub", "chmod 700 /var/lib/pathway-hub", "that only root can read"),
        ("chmod 666 /etc/pathway-hub.toml", "chmod 644 /etc/pathway-hub.toml", "can be changed by others than root"),
        ("chmod 755 /home/mel/autumn", "chmod 700 /home/mel/autumn", "must be mel's own and closed to others"),
    ],
)
def test_the_check_names_what_was_opened_and_what_to_type(hub, released, does, undoes, told):
    hub.machine.type("root", does)
    try:
        assert told in hub.machine.type("root", f"{people.PATHWAY} hub check", code=1)
    finally:
        hub.machine.type("root", undoes)


def test_only_root_can_prepare_check_and_start_it_and_others_are_told_so(hub):
    for command in ("prepare", "check"):
        said = hub.machine.type("mel", f"{people.PATHWAY} hub {command}", code=1)
        assert "only root may: type it behind sudo" in said and "Traceback" not in said
