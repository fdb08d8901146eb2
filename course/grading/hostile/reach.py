"""Notebooks that reach for what is not theirs: the gradebook, others' work, the mentor's home, the network."""

from course.grading.hostile.case import Hostile, meddles

# Reads what it can of a file and prints the lines that are worth something.
READ = """
import os
def loot(path):
    try:
        with open(path, "rb") as file:
            for line in file.read(30_000_000).splitlines():
                if CANARY.encode() in line:
                    print(TAKEN, path, line[:2000])
    except (OSError, ValueError):
        pass
def hunt(*tops, ending=""):
    for top in tops:
        for folder, below, files in os.walk(top):
            below[:] = [name for name in below if name not in ("proc", "sys", "lib", "lib64", "usr", "share")]
            for name in files:
                if name.endswith(ending):
                    loot(os.path.join(folder, name))
"""

CASES: tuple[Hostile, ...] = (
    meddles(
        "reads-the-gradebook",
        "Looks for gradebook.db where it lies and everywhere else, and prints what it holds.",
        READ
        + """
import sqlite3
loot(COHORT + "/gradebook.db")
hunt(COHORT, "/", ending=".db")
try:
    books = sqlite3.connect(f"file:{COHORT}/gradebook.db?mode=ro", uri=True)
    print(TAKEN, books.execute("select * from student").fetchall())
except sqlite3.Error:
    pass
""",
    ),
    meddles(
        "writes-the-gradebook",
        "Gives itself full marks in the gradebook, in its record and in autograded/.",
        """
import glob, os, sqlite3
try:
    books = sqlite3.connect(f"file:{COHORT}/gradebook.db?mode=rw", uri=True)
    books.execute("update grade set auto_score = 100, manual_score = 100")
    books.commit()
    print(TAKEN)
except sqlite3.Error:
    pass
for path in (COHORT + "/gradebook.db", *glob.glob(COHORT + "/records/*/*"), *glob.glob(COHORT + "/submitted/*/*/*")):
    try:
        open(path, "r+").close()
        print(TAKEN, path)
    except OSError:
        pass
""",
        dangerous=True,
    ),
    meddles(
        "reads-other-submissions",
        "Looks for the notebooks of others.",
        READ + 'hunt(COHORT + "/submitted", COHORT + "/autograded", COHORT, os.getcwd(), "..", "/", ending=".ipynb")\n',
    ),
    meddles(
        "reads-the-home",
        "Looks for keys and notes in the mentor's home.",
        READ + 'hunt(HOME, os.path.expanduser("~"), "/root", "/home", os.environ.get("HOME", "/"))\n',
    ),
    meddles(
        "reads-other-processes",
        "Reads the environment, the command line, the open files and the root of every process in /proc.",
        READ
        + """
import glob
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/fd/*"):
    if os.path.isfile(path):
        loot(path)
for root in glob.glob("/proc/[0-9]*/root") + glob.glob("/proc/[0-9]*/cwd"):
    loot(root + COHORT + "/gradebook.db")
    loot(root + "/gradebook.db")
print([name for name in os.environ if CANARY in os.environ[name] and print(TAKEN, os.environ[name])])
""",
        flagged=None,
    ),
    meddles(
        "reads-the-machine",
        "Reads accounts, passwords and the name of the machine.",
        """
for path in ("/etc/shadow", "/etc/gshadow", "/etc/machine-id", "/etc/hostname", "/etc/hosts", "/var/log/dpkg.log"):
    try:
        print(TAKEN, path, open(path).read(500))
    except OSError:
        pass
try:
    accounts = [line.split(":")[0] for line in open("/etc/passwd")]
    print(TAKEN if {"www-data", "backup", "mail"} & set(accounts) else "nobody", accounts)
except OSError:
    pass
""",
    ),
    meddles(
        "reads-the-answers",
        "Looks for answer banks, solutions, mentor pages and the code that grades, by name and by import.",
        READ
        + """
import importlib, pkgutil, course
for folder, below, files in os.walk("/"):
    libraries = folder.endswith(("site-packages", "dist-packages"))
    system = ("proc", "sys", "usr", "lib", "lib64") if folder == "/" else ()
    below[:] = [name for name in below if name not in system and (not libraries or "course" in name)]
    for name in files:
        if name in ("answers.yaml", "mentor.md", "cohort.json") or name.endswith("-assessment.md"):
            print(TAKEN, folder, name)
for path in (CHECKOUT + "/course/units", CHECKOUT + "/solutions", COHORT + "/source"):
    if os.path.exists(path):
        print(TAKEN, path)
for module in ("course.proof.bank", "course.grading.hostile", "course.builder.source", "course.grading.books"):
    try:
        importlib.import_module(module)
        print(TAKEN, module)
    except ImportError:
        pass
""",
    ),
    meddles(
        "writes-outside",
        "Leaves a file in every folder it can think of, and one in the libraries.",
        """
import os, pandas, course
from course import DATA
folders = ["/", "/etc", "/usr/bin", "/var/tmp", COHORT, COHORT + "/submitted", COHORT + "/records", HOME, CHECKOUT, ".."]
folders += [os.path.dirname(pandas.__file__), os.path.dirname(course.__file__), str(DATA), str(DATA / "eastmere")]
for folder in folders:
    try:
        open(os.path.join(folder, LITTER + "-outside"), "w").close()
        print("written in", folder)
        if "site-packages" in folder or folder.startswith((str(DATA), CHECKOUT, COHORT, HOME)):
            print(TAKEN, folder)
    except OSError:
        pass
""",
        dangerous=True,
    ),
    meddles(
        "changes-the-data",
        "Alters the course's data, so that others' right answers come out wrong.",
        """
from course import DATA
for path in DATA.rglob("*.csv"):
    try:
        path.write_text("staff_id,computing\\n")
        print(TAKEN, path)
    except OSError:
        pass
try:
    DATA.rename(str(DATA) + "-gone")
    print(TAKEN)
except OSError:
    pass
""",
        dangerous=True,
    ),
    meddles(
        "changes-the-libraries",
        "Alters the course's own modules and pandas on the disk, for those who come after it.",
        """
import os, course.checks, numpy, pandas
for module in (course.checks, numpy, pandas):
    try:
        with open(module.__file__, "a") as file:
            file.write("\\n")
        print(TAKEN, module.__file__)
    except OSError:
        pass
    try:
        os.remove(module.__file__)
        print(TAKEN, module.__file__)
    except OSError:
        pass
""",
        dangerous=True,
    ),
    meddles(
        "calls-home",
        "Connects to a service of the machine and to the world, by TCP, UDP and the name of a socket.",
        """
import socket
for family, address in (
    (socket.AF_INET, ("127.0.0.1", PORT)),
    (socket.AF_INET, ("192.0.2.1", 80)),
    (socket.AF_INET6, ("::1", PORT)),
    (socket.AF_UNIX, "\\0" + LITTER + str(PORT)),
    (socket.AF_UNIX, "/run/dbus/system_bus_socket"),
    (socket.AF_UNIX, "/var/run/docker.sock"),
):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as line:
            line.settimeout(0.3)
            line.connect(address)
            line.sendall(b"caught")
            print(TAKEN, address)
    except OSError:
        pass
try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.sendto(b"caught", ("127.0.0.1", PORT))
except OSError:
    pass
""",
    ),
    meddles(
        "mounts-and-unshares",
        "Tries to get out of its namespaces: mounts, enters those of others, changes its root.",
        """
import ctypes, glob, os
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs("/tmp/in", exist_ok=True)
for path in glob.glob("/proc/[0-9]*/ns/mnt"):
    try:
        one = os.open(path, os.O_RDONLY)
        libc.setns(one, 0)
        os.close(one)
    except OSError:
        pass
libc.mount(b"none", b"/tmp/in", b"proc", 0, None)
libc.mount(b"/", b"/tmp/in", None, 4096 | 16384, None)
libc.unshare(0x10000000 | 0x00020000)
libc.chroot(b"/proc/1/root")
for path in (COHORT, CHECKOUT + "/course/units", "/etc/passwd"):
    if os.path.exists(path) or os.path.exists("/tmp/in" + path):
        print(TAKEN, path)
""",
        dangerous=True,
        stopped=None,
        flagged=None,
    ),
)
