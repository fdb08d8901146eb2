"""Notebooks that change what runs them: IPython's shell, Python's tracing, the engine's own processes and lines."""

from course.grading.hostile.case import BEFORE_STOP, GUESSED, Hostile, cheats, meddles

CASES: tuple[Hostile, ...] = (
    cheats(
        "transforms-cells",
        "Has IPython turn every later check into a cell that does nothing.",
        """
        shell = get_ipython()
        def nothing(lines):
            return ["pass\\n"] if any("expect(" in line for line in lines) else lines
        shell.input_transformers_cleanup.append(nothing)
        shell.input_transformers_post.append(nothing)
        """,
        flagged=True,
    ),
    cheats(
        "transforms-syntax",
        "Takes every call of `expect` out of the syntax tree.",
        """
        import ast
        class Without(ast.NodeTransformer):
            def visit_Expr(self, node):
                return ast.Pass() if "expect" in ast.dump(node) else node
        get_ipython().ast_transformers.append(Without())
        """,
        flagged=True,
    ),
    cheats(
        "hooks-cells",
        "Has IPython call it before and after every cell, and repairs the results.",
        """
        shell = get_ipython()
        def before(info=None):
            if info is not None:
                info.raw_cell = "pass"
            shell.user_ns["expect"] = lambda *anything, **more: None
        def after(result):
            result.error_in_exec = result.error_before_exec = None
        for event in ("pre_run_cell", "pre_execute"):
            shell.events.register(event, before)
        shell.events.register("post_run_cell", after)
        """,
        flagged=True,
    ),
    cheats(
        "swallows-errors",
        "Has IPython hand every error to a function that does nothing.",
        """
        shell = get_ipython()
        shell.set_custom_exc((BaseException,), lambda *anything, **more: None)
        shell.showtraceback = shell._showtraceback = shell.showsyntaxerror = lambda *anything, **more: None
        """,
        flagged=True,
    ),
    cheats(
        "formats-results",
        "Has whatever is shown come out as a number, which would be partial credit.",
        """
        import sys
        shell = get_ipython()
        for formatter in shell.display_formatter.formatters.values():
            formatter.for_type(object, lambda thing, *anything: "4")
        sys.displayhook = shell.displayhook = lambda value: print("4")
        """,
        flagged=True,
    ),
    cheats(
        "replaces-the-shell",
        "Puts functions of its own in the place of those with which the shell runs cells.",
        """
        shell = get_ipython()
        kind = type(shell)
        for name in ("run_cell", "run_code", "run_ast_nodes", "run_cell_async", "compile"):
            try:
                setattr(kind, name, lambda *anything, **more: None)
            except (AttributeError, TypeError):
                pass
        """,
        flagged=True,
        stopped=None,
    ),
    cheats(
        "shell-without-its-name",
        "Finds the shell without saying `get_ipython`, and hooks into it.",
        """
        import IPython, gc, sys
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell._instance or IPython.core.getipython.get_ipython()
        shell.input_transformers_cleanup.append(lambda lines: ["pass\\n"])
        shell.user_ns["expect"] = lambda *anything, **more: None
        """,
    ),
    cheats(
        "traces-the-checks",
        "Traces each line that runs, and jumps over those that compare.",
        """
        import sys, threading
        def trace(frame, event, argument):
            if event == "line" and "expect" in frame.f_code.co_names:
                last = max(line for _, _, line in frame.f_code.co_lines() if line)
                if frame.f_lineno < last:
                    try:
                        frame.f_lineno = last
                    except ValueError:
                        pass
            return trace
        sys.settrace(trace)
        threading.settrace(trace)
        """,
        stopped=None,
    ),
    cheats(
        "traces-with-pdb",
        "Does the same with the debugger, and with a profile function that spies.",
        """
        import pdb, sys
        def profile(frame, event, argument):
            if event == "call" and frame.f_code.co_name == "__call__":
                frame.f_locals["condition"] = True
        sys.setprofile(profile)
        """,
        stopped=None,
    ),
    cheats(
        "listens-to-audits",
        "Has Python tell it of all that is compiled and run, and prints it.",
        """
        import sys
        def hear(event, arguments):
            if event in ("compile", "exec", "code.__new__", "marshal.loads"):
                for thing in arguments:
                    said = getattr(thing, "co_consts", thing)
                    if "hidden" not in str(said) and len(str(said)) > 30:
                        print(str(said))
        sys.addaudithook(hear)
        """,
        stopped=None,
    ),
    cheats(
        "refuses-audits",
        "Has Python raise an error where the grader does anything that is audited.",
        """
        import sys
        def refuse(event, arguments):
            if event in ("compile", "exec", "os.fork", "open", "import", "object.__getattr__"):
                raise RuntimeError("refused")
        sys.addaudithook(refuse)
        """,
        stopped=None,
    ),
    cheats(
        "replaces-compile",
        "Puts functions of its own in the place of those with which Python compiles and runs.",
        """
        import ast, builtins, codeop
        real = builtins.compile
        def fake(source, *rest, **more):
            return real("pass" if "expect" in str(source) else source, *rest, **more)
        builtins.compile = ast.compile = codeop.compile = fake
        builtins.exec = builtins.eval = lambda *anything: None
        """,
        flagged=True,
        stopped=None,
    ),
    cheats(
        "replaces-print",
        "Puts things of its own in the place of print, sys.stdout and sys.stderr.",
        """
        import builtins, io, sys
        builtins.print = lambda *anything, **more: None
        sys.stdout = sys.stderr = sys.__stdout__ = io.StringIO()
        """,
        flagged=True,
        stopped=None,
    ),
    cheats(
        "rewrites-the-runner",
        "Finds the objects that collect and send the results, and has them leave out errors.",
        """
        import gc, sys
        for thing in gc.get_objects():
            kind = type(thing)
            if getattr(kind, "__module__", "").startswith(("course.engine", "course.grading")):
                for name in ("finished", "outputs"):
                    if callable(getattr(kind, name, None)):
                        setattr(kind, name, lambda self, *anything: [])
                for name in ("_take", "send"):
                    if callable(getattr(kind, name, None)) and "Line" not in kind.__name__:
                        setattr(kind, name, lambda self, *anything, **more: None)
        """,
        flagged=None,
        stopped=None,
    ),
    cheats(
        "rewrites-what-is-sent",
        "Has every message that leaves the process say that all went well.",
        """
        import json, sys
        real = json.dumps
        def good(message, *rest, **more):
            if isinstance(message, dict) and "outputs" in message:
                message = {**message, "outputs": [], "stopped": None}
            return real(message, *rest, **more)
        json.dumps = good
        for name, module in list(sys.modules.items()):
            if name.startswith(("course.engine", "course.grading")) and hasattr(module, "json"):
                module.json = type("", (), {"dumps": staticmethod(good), "loads": staticmethod(json.loads)})
        """,
        flagged=None,
        stopped=None,
    ),
    cheats(
        "answers-for-the-engine",
        "Writes answers of its own to every open descriptor, as if its cells had all been run.",
        """
        import json, os, struct
        for number in range(1, 60):
            reply = {"number": number, "outputs": [], "execution_count": number, "stopped": None, "error": None, "ok": True}
            body = json.dumps(reply).encode()
            for descriptor in range(3, 64):
                try:
                    os.set_blocking(descriptor, False)
                    os.write(descriptor, struct.pack(">I", len(body)) + body)
                except OSError:
                    pass
        """,
        stopped=None,
    ),
    cheats(
        "takes-the-place-of-the-engine",
        "Answers the engine itself, request by request, and says that each check went well.",
        """
        import json, os, socket, stat, struct, time
        def lines():
            for descriptor in range(3, 64):
                try:
                    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                        yield socket.socket(fileno=os.dup(descriptor))
                except OSError:
                    pass
        def reply(line, asked):
            said = {**asked, "number": asked["number"], "outputs": [], "execution_count": 1, "stopped": None, "ok": True}
            body = json.dumps(said).encode()
            line.sendall(struct.pack(">I", len(body)) + body)
        for line in lines():
            try:
                line.settimeout(1)
                reply(line, {"number": len(In) - 1})
                for turn in range(100):
                    length, = struct.unpack(">I", line.recv(4, socket.MSG_WAITALL))
                    asked = json.loads(line.recv(length, socket.MSG_WAITALL))
                    print(asked.get("source"))
                    reply(line, asked)
            except (OSError, ValueError, KeyError, struct.error):
                pass
        """,
        stopped=None,
    ),
    cheats("cuts-the-line", "Closes every descriptor there is.", "import os\nos.closerange(0, 256)\n", stopped=None),
    Hostile(
        "a-thread-patches-later",
        "A thread waits, then goes on changing `expect` and the names that checks use.",
        lambda exam: exam.hand_in(
            GUESSED,
            [
                (
                    "",
                    "import threading, time, sys\n"
                    "def patch():\n"
                    "    while True:\n"
                    "        checks = sys.modules.get('course.checks')\n"
                    "        if checks:\n"
                    "            checks.Expect.__call__ = lambda self, *anything, **more: None\n"
                    "        time.sleep(0.0005)\n"
                    "threading.Thread(target=patch, daemon=True).start()\n",
                )
            ],
        ),
        stopped=None,
    ),
    meddles(
        "a-thread-prints-later",
        "A thread goes on printing loot into the outputs of later cells, checks among them.",
        """
        import threading, time
        def talk():
            while True:
                print("4")
                time.sleep(0.05)
        threading.Thread(target=talk, daemon=True).start()
        """,
        stopped=None,
        least=BEFORE_STOP,
    ),
    cheats(
        "patches-when-collected",
        "Has Python call it whenever it clears memory, and changes `expect` then.",
        """
        import gc, sys
        def patch(*anything):
            checks = sys.modules.get("course.checks")
            if checks:
                checks.Expect.__call__ = lambda self, *anything, **more: None
        gc.callbacks.append(patch)
        gc.set_threshold(1, 1, 1)
        """,
        stopped=None,
    ),
    cheats(
        "patches-on-a-signal",
        "Has an interval timer call it while checks run, and changes `expect` then.",
        """
        import signal, sys
        def patch(*anything):
            checks = sys.modules.get("course.checks")
            if checks:
                checks.Expect.__call__ = lambda self, *anything, **more: None
        signal.signal(signal.SIGALRM, patch)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        """,
        stopped=None,
    ),
    cheats(
        "takes-over-names",
        "Gives the notebook's own namespace a class whose look-ups agree with everything.",
        """
        class Names(dict):
            def __missing__(self, name):
                return lambda *anything, **more: True
        try:
            import sys
            globals().__class__ = Names
        except TypeError:
            pass
        __builtins__ = {"isinstance": lambda *anything: True, "set": frozenset, "range": range, "print": print}
        """,
        stopped=None,
    ),
)
