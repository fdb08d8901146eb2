"""What is decided for each person whose server is started: which software, which settings, which cohort."""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

from course.launch.hub.ground import ROOT, groups_of
from course.launch.hub.settings import HubSettings

HERE = Path(__file__).parent
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
CLOSED_HOME = 0o700
RUNNING = Path("/run/pathway-hub")  # what is made for a server that starts; open to read


def server_for(settings: HubSettings) -> Callable[[object], None]:
    """JupyterHub's pre_spawn_hook: sets a spawner up for whose server it is.

    A mentor's server runs from the checkout, with formgrader. Anybody else's runs from the hub's software, which has no
    answers; its cohort is that of the person's group.
    """

    def prepare(spawner) -> None:
        name = spawner.user.name
        groups = groups_of(name)
        close_home(name)
        if settings.mentors in groups:
            _as_mentor(spawner, settings)
        else:
            _as_trainee(spawner, settings, groups)

    return prepare


def close_home(account: str) -> None:
    """Close somebody's home to everybody else: what lies in it is answers, and later feedback."""
    home = Path(pwd.getpwnam(account).pw_dir)
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, CLOSED_HOME)
    finally:
        os.close(handle)


def _as_trainee(spawner, settings: HubSettings, groups: set[str]) -> None:
    cohort = settings.attended_by(groups)
    tree = settings.software / "tree"
    ours = settings.software / "jupyter"
    config = [ours / "trainee", ours / "all", tree / "course" / "launch" / "jupyter"]
    _start_from(spawner, settings.software / "bin", config, settings)
    spawner.environment["PATHWAY_DATA"] = str(cohort.data if cohort and cohort.data else tree / "data")
    if cohort:
        spawner.environment["PATHWAY_COURSE"] = cohort.name


def _as_mentor(spawner, settings: HubSettings) -> None:
    """With formgrader once there is a cohort: by the cohort's settings alone, nothing in a notebook runs as the mentor."""
    cohort = settings.mentored_by(spawner.user.name)
    config = [HERE / "jupyter" / "all", ROOT / "course" / "launch" / "jupyter"]
    if cohort and (cohort.folder / "nbgrader_config.py").is_file():
        menu = _lay_menu(spawner.user.name, spawner.server.base_url)
        config = [cohort.folder, menu, HERE / "jupyter" / "mentor", ROOT / "course" / "grading" / "jupyter", *config]
    _start_from(spawner, ROOT / ".venv" / "bin", config, settings)


def _lay_menu(account: str, base_url: str) -> Path:
    """Lay JupyterLab's settings of a menu that opens formgrader, in a folder for this account, which is given.

    nbgrader's own menu opens it in a frame, and JupyterHub lets no page of a server stand in one: whoever is on the same
    address could frame a mentor's. So it opens in a tab of its own.
    """
    item = {"url": f"{base_url}formgrader", "text": "Formgrader", "newBrowserTab": True}
    menu = {"id": "pathway-nbgrader", "label": "Nbgrader", "rank": 500, "items": [{"command": "help:open", "args": item}]}
    folder = RUNNING / account
    (folder / "labconfig").mkdir(parents=True, exist_ok=True)
    settings = {"@jupyterlab/mainmenu-extension:plugin": {"menus": [menu]}}
    (folder / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def _start_from(spawner, programs: Path, config: list[Path], settings: HubSettings) -> None:
    """Let a server start from a folder of programs, with Jupyter's settings in these folders; the first prevails."""
    spawner.cmd = [str(programs / "jupyterhub-singleuser")]
    spawner.environment = {
        **spawner.environment,
        "PATH": f"{programs}:{SYSTEM_PATH}",
        "JUPYTER_CONFIG_PATH": os.pathsep.join(map(str, config)),
        "PATHWAY_EXCHANGE": str(settings.exchange),
    }
