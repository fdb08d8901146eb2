"""A course in small with locks of its own, a package index on this machine, and what stands between the two at work.

Real pip and uv run against it: it holds uv, setuptools and two tiny packages. The index can be behind a proxy that opens
TLS and shows a certificate of its own, as organisations do.
"""

import datetime
import functools
import hashlib
import http.server
import importlib.metadata
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TOP = Path(__file__).resolve().parents[1]
PATIENCE_S = 300
PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "tiny-course"
version = "1"
[project.scripts]
pathway = "course.cli:main"
[tool.setuptools]
packages = ["course", "course.launch"]
"""
SAY_WHAT_RUNS = """
import os, sys
def main():
    print("{name} runs with", *sys.argv[1:], "in", os.getcwd())
    sys.exit(7)
if __name__ == "__main__":
    main()
"""
ANYWHERE = "packages.example"  # the index's name out there, which only the proxy knows


def wheel(folder, name, version, files, tag="py3-none-any"):
    """Write a wheel, which is all that pip and uv need to believe in a package; returns its line for a lock."""
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        **files,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]))
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n    # via test\n"


def wheel_of_what_is_installed(folder, name):
    """Pack a package of the environment that runs the tests."""
    found = importlib.metadata.distribution(name)
    scripts = f"{name}-{found.version}.data/scripts/"
    files = {}
    for file in found.files:
        if "__pycache__" in file.parts or (file.parts[0].endswith(".dist-info") and file.name != "entry_points.txt"):
            continue
        place = scripts + file.name if file.parts[0] == ".." else file.as_posix()
        files[place] = file.locate().read_bytes()
    return wheel(folder, name, found.version, files)


class Index:
    """A package index on this machine: its folder of wheels, address, and each package's line for a lock."""

    def __init__(self, folder):
        self.folder = folder
        self.lines = {name: wheel_of_what_is_installed(folder, name) for name in ("uv", "setuptools")}
        for version in ("1", "2"):
            self.lines[f"tiny{version}"] = wheel(folder, "tiny", version, {"tiny.py": f"version = {version}".encode()})
        self.lines["tool"] = wheel(folder, "tool", "1", {"tool.py": b""})
        for name in ("uv", "setuptools", "tiny", "tool"):
            page = folder / "simple" / name / "index.html"
            page.parent.mkdir(parents=True)
            links = [f'<a href="../../{file.name}">{file.name}</a>' for file in sorted(folder.glob(f"{name}-*.whl"))]
            page.write_text("<!DOCTYPE html>\n" + "\n".join(links))

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_port
        self.address = f"http://127.0.0.1:{self.port}/simple"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Course:
    """A course in small: run.py, locks, a package with `lab` and `pathway`."""

    def __init__(self, folder, index):
        self.lines = index.lines
        self.folder = folder
        (folder / "course" / "launch").mkdir(parents=True)
        (folder / "notebooks").mkdir()
        shutil.copy(TOP / "run.py", folder)
        (folder / "pyproject.toml").write_text(PYPROJECT)
        (folder / "course" / "__init__.py").touch()
        (folder / "course" / "launch" / "__init__.py").touch()
        (folder / "course" / "launch" / "lab.py").write_text(SAY_WHAT_RUNS.format(name="lab"))
        (folder / "course" / "cli.py").write_text(SAY_WHAT_RUNS.format(name="pathway"))
        self.lock("tiny1")
        private = ("PIP_", "UV_", "SSL_", "VIRTUAL_ENV", "PYTHON")
        names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(private) and name.upper() not in names
        }
        self.environment.update(
            PIP_INDEX_URL=index.address,  # for pip; run.py is to tell uv
            PIP_CONFIG_FILE=os.devnull,
            PIP_NO_CACHE_DIR="1",
            PIP_RETRIES="0",
            UV_NO_CONFIG="1",
            UV_HTTP_RETRIES="0",
            UV_CACHE_DIR=str(folder.parent / "uv-cache"),
            NO_PROXY="127.0.0.1",
            RES_OPTIONS="timeout:1 attempts:1",  # nobody waits long for a name that nobody knows
        )

    def lock(self, *packages):
        runtime = "".join(self.lines[package] for package in (*packages, "setuptools"))
        (self.folder / "requirements.lock").write_text(runtime)
        (self.folder / "requirements-dev.lock").write_text(runtime + self.lines["tool"] + self.lines["uv"])

    def run(self, *arguments, pretend="", cwd=None, inside=(), **environment):
        """Run run.py to its end; `pretend` is Python that changes the world for it first, `inside` a command before it."""
        with self.start(*arguments, pretend=pretend, cwd=cwd, inside=inside, **environment) as process:
            process.said, process.complaint = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in process.complaint
        return process

    def start(self, *arguments, pretend="", cwd=None, inside=(), **environment):
        program = [str(self.folder / "run.py"), *arguments]
        if pretend:
            code = f"import os, runpy, shutil, sys\n{pretend}\nrunpy.run_path(sys.argv[0], run_name='__main__')"
            program = ["-c", f"import sys; sys.argv = sys.argv[1:]\n{code}", *program]
        return subprocess.Popen(
            [*inside, base_python(), *program],
            cwd=cwd or self.folder.parent,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def installed(self):
        """Packages in .venv, as {name: version}."""
        found = (self.folder / ".venv").glob("lib/python*/site-packages/*.dist-info")
        return dict(folder.name.removesuffix(".dist-info").rsplit("-", 1) for folder in found)

    @property
    def stamp(self):
        return self.folder / ".venv" / "pathway-setup.json"


def base_python():
    """The Python that a newcomer has, outside any environment."""
    return getattr(sys, "_base_executable", sys.executable)


# ---------------------------------------------------------------------------------------- an organisation's proxy


class Proxy:
    """An organisation's proxy: it opens the TLS of what passes, with certificates of its own, and knows one index.

    With a `password` it lets only that through, given as NAME:PASSWORD in its address.
    """

    def __init__(self, folder, index, password=""):
        self._index, self._password = index, password
        self.root, certificate = certificates(folder, ANYWHERE)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self):
        self._listening.shutdown(socket.SHUT_RDWR)  # close alone would leave it open while somebody waits for a caller
        self._listening.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client):
        with client:
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                if not (more := client.recv(4096)):
                    return
                asked += more
            if self._password and b"proxy-authorization: basic" not in asked.lower():
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            if not asked.startswith(b"CONNECT " + ANYWHERE.encode()):
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                with (
                    self._tls.wrap_socket(client, server_side=True) as opened,
                    socket.create_connection(("127.0.0.1", self._index.port)) as index,
                ):
                    back = threading.Thread(target=_pour, args=(index, opened), daemon=True)
                    back.start()
                    _pour(opened, index)
                    back.join()
            except OSError:  # whoever asked does not trust us
                return


def _pour(source, target):
    try:
        while more := source.recv(65536):
            target.sendall(more)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def certificates(folder, name):
    """Files with an organisation's root certificate, and with a certificate (and key) that it made for `name`."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    titles = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)]) for title in ("Wexmoor Council Root", name)]
    now = datetime.datetime.now(datetime.UTC)
    made = []
    for place, key in enumerate(keys):
        builder = (
            x509.CertificateBuilder()
            .subject_name(titles[place])
            .issuer_name(titles[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=place == 0, path_length=None), critical=True)
        )
        if place:
            names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()))
    root, server = folder / "root.pem", folder / "server.pem"
    root.write_bytes(made[0].public_bytes(serialization.Encoding.PEM))
    secret = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server.write_bytes(made[1].public_bytes(serialization.Encoding.PEM) + secret)
    return root, server
