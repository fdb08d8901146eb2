"""The trainee tree: what trainees get of the course, as a folder, a zip archive or a branch of git.

It holds the notebooks, the data, the parts of `course` that notebooks import, and what opens JupyterLab on them, here or in
a Binder. It holds no answers, banks, mentors' pages, tests or history. This module needs the standard library alone: a
Binder that was given the whole course makes the tree with it (binder/postBuild).
"""

import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course.launch.links import badge
from course.launch.settings import SettingsError, read_settings

# Paths in the checkout; a folder is taken whole, but for what editors and Python leave behind.
PARTS = (
    ".gitignore",
    "LICENSE",
    "LICENSE-CONTENT",
    "MANIFEST.in",
    "binder",
    "course/__init__.py",
    "course/chart_checks",
    "course/checks.py",
    "course/data.py",
    "course/figures.py",
    "course/launch/__init__.py",
    "course/launch/jupyter",
    "course/launch/lab.py",
    "course/launch/workspace.py",
    "course/siting.py",
    "data",
    "notebooks",
    "pyproject.toml",
    "requirements-dev.lock",  # run.py takes its installer's hashes from it
    "requirements.lock",
    "run.py",
    "setup.py",
)
README = "course/launch/trainees.md"  # lies in the tree as README.md
IN_A_BROWSER = "<!-- in a browser -->\n"  # in README, where the badge comes
LITTER = {".ipynb_checkpoints", "__pycache__", ".DS_Store"}
START = "notebooks/00-start-here/start-here.ipynb"
FOLDER = "data-science-learning-pathway"  # what a zip archive unpacks into
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the first that an archive can hold: the same tree gives the same archive
SUBJECT = "Trainee tree"  # begins the message of each commit that is made here
WHO = {"NAME": "Data Science Learning Pathway", "EMAIL": "trainee-tree@pathway.invalid"}
MOST_SHOWN = 5


class BundleError(Exception):
    """The tree cannot be made; the text says in words why, and what to do."""


@dataclass(frozen=True)
class Branch:
    """A branch that holds the trainee tree: its newest commit, and whether that was made just now."""

    name: str
    commit: str
    is_new: bool


def lay(root: Path, target: Path) -> list[Path]:
    """Lay the trainee tree of the checkout in `root` into `target`, a missing or empty folder.

    Returns the paths of its files in `target`, in order. Whether it may be given out, `problems` says. Raises BundleError
    where there is something in `target`, or a part is missing in `root`.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BundleError(f"{target} is not an empty folder: name another.")
    laid = {name: _content(root, name, source) for name, source in _sources(root).items()}
    for name, content in laid.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755 if _is_program(name) else 0o644)
    return [Path(name) for name in laid]


def problems(root: Path) -> list[str]:
    """A line for each reason not to give out the tree of the checkout in `root`: stale notebooks, and answers in a file."""
    from course.builder.build import Builder
    from course.builder.problem import BuildError
    from course.launch.leaks import Secrets
    from course.launch.stale import stale

    try:
        units = Builder(root).units()
        found = [f"{path} is not what course/units makes: run `pathway build`." for path in stale(root, units)]
        secrets = Secrets(root, units)
    except BuildError as error:
        return [f"{one.path}:{one.line}: {one.message}" for one in error.problems]
    for name, source in _sources(root).items():
        found += [f"{leak}." for leak in secrets.in_file(name, _content(root, name, source))]
    return found


def as_zip(root: Path, file: Path) -> list[Path]:
    """Write the tree as the archive `file`, which must not be there yet; returns the paths in it. Raises BundleError.

    The same tree gives the same bytes.
    """
    if os.path.lexists(file):
        raise BundleError(f"{file} is there already: remove it, or name another.")
    if not file.absolute().parent.is_dir():
        raise BundleError(f"{file.absolute().parent} is no folder: make it, or name another.")
    _refuse(problems(root))
    with tempfile.TemporaryDirectory(prefix="pathway-bundle-") as scratch:
        tree = Path(scratch) / FOLDER
        laid = lay(root, tree)
        half_written = file.with_name(f".{file.name}.half-written")
        try:
            with zipfile.ZipFile(half_written, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in laid:
                    entry = zipfile.ZipInfo(f"{FOLDER}/{path.as_posix()}", ZIP_TIME)
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    entry.create_system = 3  # Unix: what follows is a file's mode there
                    entry.external_attr = (0o100755 if _is_program(path.as_posix()) else 0o100644) << 16
                    archive.writestr(entry, (tree / path).read_bytes())
            os.replace(half_written, file)
        finally:
            half_written.unlink(missing_ok=True)
    return laid


def as_branch(root: Path, name: str) -> Branch:
    """Make the tree the newest commit of the branch `name` of the checkout in `root`. Raises BundleError.

    No file, index or branch of a checkout changes. The branch shares no history with the course's own: its first commit has
    no parent. Later ones follow upon it, because nbgitpuller can only bring an update that does. All in a commit follows
    from the tree and the course's own commit, its date too, so that who makes it again makes the same.
    """
    git = _Git(root)
    git.must_be_checkout()
    git.must_be_free(name)
    uncommitted = git.uncommitted([*PARTS, README])
    if uncommitted:
        shown = ", ".join(uncommitted[:MOST_SHOWN]) + (" and more" if len(uncommitted) > MOST_SHOWN else "")
        raise BundleError(f"not committed yet: {shown}. Commit it first, so that it is known what the branch was made from.")
    _refuse(problems(root))
    tip = git.tip(name)
    with tempfile.TemporaryDirectory(prefix="pathway-bundle-") as scratch:
        tree = git.write_tree(Path(scratch))
    is_held = tip and git.say("rev-parse", f"{tip}^{{tree}}") == tree
    commit = tip if is_held else git.commit(tree, tip)
    git.point(name, commit)
    return Branch(name, commit, is_new=commit != tip)


def _sources(root: Path) -> dict[str, Path]:
    """Path in the tree -> file in the checkout, in order."""
    found = {"README.md": root / README}
    for part in PARTS:
        place = root / part
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            inside = path.relative_to(root)
            if not LITTER & set(inside.parts) and not path.is_dir():
                found[inside.as_posix()] = path
    missing = [path.relative_to(root).as_posix() for path in found.values() if not path.is_file()]
    if missing or START not in found:
        raise BundleError(f"{(missing or [START])[0]} is missing in {root}: get a whole copy of the course.")
    return dict(sorted(found.items()))


def _content(root: Path, name: str, source: Path) -> bytes:
    content = source.read_bytes()
    if name == "README.md":
        return content.replace(IN_A_BROWSER.encode(), _in_a_browser(root).encode())
    return content


def _in_a_browser(root: Path) -> str:
    """The part of README that opens the course without any set-up, once it is published."""
    try:
        settings = read_settings(root / "pyproject.toml")
    except SettingsError as error:
        raise BundleError(str(error)) from None
    if not settings.is_published:
        return ""
    intro = (
        "Nothing to install. What you do there is gone some minutes after you stop, so take it along: in the bar above the "
        "notebook, Download saves it as a file, and the first cloud beside it keeps it in this browser. Next time, drag the "
        "file into the list of files on the left, or press the second cloud."
    )
    return f"## In your browser\n\n{badge(settings, START)}\n\n{intro}\n\n"


def _is_program(name: str) -> bool:
    return name in ("run.py", "binder/postBuild", "binder/start")


def _refuse(found: list[str]) -> None:
    if found:
        more = [f"and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else []
        raise BundleError("\n".join([*found[:MOST_SHOWN], *more]))


class _Git:
    """git on one checkout, by commands that touch neither its files nor its index."""

    def __init__(self, root: Path):
        self.root = root

    def say(self, *arguments: str, given: str = "", **settings: str) -> str:
        """What a command of git prints, without its last line's end. Raises BundleError with git's own words."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | settings
        command = ["git", "-C", str(self.root), *arguments]
        try:
            done = subprocess.run(command, input=given, env=ours, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise BundleError("git is not installed: a branch needs it, `--zip FILE` does not.") from None
        if done.returncode:
            raise BundleError(f"`git {arguments[0]}` failed: {done.stderr.strip()}")
        return done.stdout.rstrip("\n")

    def holds(self, *arguments: str) -> bool:
        """Whether a question to git is answered with yes."""
        try:
            self.say(*arguments)
        except BundleError:
            return False
        return True

    def must_be_checkout(self) -> None:
        if not self.holds("rev-parse", "--git-dir") or Path(self.say("rev-parse", "--show-toplevel")) != self.root.resolve():
            raise BundleError(f"{self.root} is no checkout of git, so that it can have no branch: use --zip FILE.")
        if not self.holds("rev-parse", "--verify", "--quiet", "HEAD"):
            raise BundleError(f"{self.root} has no commit yet: commit the course first.")

    def must_be_free(self, name: str) -> None:
        """Refuse a branch that git would not take, that somebody works on, or that holds something else."""
        if name.startswith("-") or not self.holds("check-ref-format", "--branch", name):
            raise BundleError(f'"{name}" is no name for a branch: take letters, digits and hyphens.')
        for checkout in self.say("worktree", "list", "--porcelain").split("\n\n"):
            if f"branch refs/heads/{name}" in checkout.splitlines():
                where = checkout.splitlines()[0].removeprefix("worktree ")
                raise BundleError(f"{name} is checked out in {where}: switch that to another branch, or name another.")
        tip = self.tip(name)
        if tip and not self.say("show", "--no-patch", "--format=%s", tip).startswith(SUBJECT):
            raise BundleError(f"there is a branch {name} already, and it is no trainee tree: name another.")

    def uncommitted(self, paths: Iterable[str]) -> list[str]:
        """The paths that differ from the newest commit, new ones too; what .gitignore names does not count."""
        listed = self.say("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
        return [entry[3:] for entry in listed.split("\0") if entry]

    def tip(self, name: str) -> str | None:
        """The newest commit of a branch: here, or at origin where that is further."""
        here, there = (self._commit(f"refs/{place}/{name}") for place in ("heads", "remotes/origin"))
        if here and there:
            return there if self.holds("merge-base", "--is-ancestor", here, there) else here
        return here or there

    def _commit(self, reference: str) -> str | None:
        if not self.holds("show-ref", "--verify", "--quiet", reference):
            return None
        return self.say("rev-parse", f"{reference}^{{commit}}")

    def write_tree(self, scratch: Path) -> str:
        """Keep the trainee tree among git's objects, by way of an index of its own in `scratch`; returns the tree's id."""
        tree = scratch / "tree"
        names = [path.as_posix() for path in lay(self.root, tree)]
        listed = "\n".join(str(tree / name) for name in names)
        ids = self.say("hash-object", "-w", "--no-filters", "--stdin-paths", given=listed).split("\n")
        entries = (
            f"{'100755' if _is_program(name) else '100644'} {id_}\t{name}" for name, id_ in zip(names, ids, strict=True)
        )
        index = {"GIT_INDEX_FILE": str(scratch / "index")}
        self.say("update-index", "--add", "--index-info", given="\n".join(entries) + "\n", **index)
        return self.say("write-tree", **index)

    def commit(self, tree: str, parent: str | None) -> str:
        made_from, date = self.say("show", "--no-patch", "--format=%H %ct", "HEAD").split()
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in WHO.items()}
        when = {f"GIT_{role}_DATE": f"{date} +0000" for role in ("AUTHOR", "COMMITTER")}
        message = f"{SUBJECT}\n\nMade by `pathway bundle` from the course as of {made_from}.\n"
        parents = ["-p", parent] if parent else []
        return self.say("commit-tree", "--no-gpg-sign", tree, *parents, given=message, **who, **when)

    def point(self, name: str, commit: str) -> None:
        """Let the branch end in `commit`, unless it has moved meanwhile."""
        before = self._commit(f"refs/heads/{name}") or "0" * len(commit)
        self.say("update-ref", "-m", "pathway bundle", f"refs/heads/{name}", commit, before)
