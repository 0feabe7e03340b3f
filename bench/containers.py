"""Builds the image and runs it confined, with whatever container tool there is.

Docker and Podman run containers themselves. Buildah only builds, so there its
root file system is entered by chroot in a mount namespace of its own, confined
as far as the kernel alone can; that needs root. Standard library only.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BASE = "docker.io/library/python:3.11-slim"
IMAGE = "localhost/brutality-watch"
USER = 54321  # one that the image does not know; group too
MEMORY_BYTES = 512 << 20

_ENTER = """
mount --bind "$0" "$0"
for name in proc sys dev; do mount --rbind "/$name" "$0/$name"; done
mount -o remount,ro,bind "$0"
exec "$@"
"""


class NoEngineError(Exception):
    """There is no container tool that works here."""


@dataclass(frozen=True)
class Start:
    """How the image is started: by its own command, or by this one, with more environment."""

    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


DEFAULT = Start()


class Container(Protocol):
    """A running service and what can be learnt about it from outside."""

    def process_file(self, name: str) -> str:
        """The text of /proc/<its main process>/name."""

    def image_file(self, path: str) -> bytes:
        """A file of its root file system."""

    def terminate(self, timeout_s: float) -> int | None:
        """Its exit status after SIGTERM, or None if it has not ended in time."""

    def log(self) -> str:
        """What it has written so far."""


class Engine(Protocol):
    """A container tool; `guarantees` says what it really enforces."""

    name: str
    guarantees: str

    def build(self, folder: Path) -> None:
        """Build Dockerfile.heroku of `folder` as IMAGE. Raises CalledProcessError."""

    def size(self, image: str) -> int:
        """Bytes of all files of an image, uncompressed."""

    def run(self, port: int, start: "Start" = DEFAULT) -> AbstractContextManager[Container]:
        """The image, confined, on this port of loopback, while the context lasts."""


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Docker:
    """Docker, or Podman, whose command line is the same."""

    guarantees = (
        f"enforced by the engine: user {USER}:{USER}, read-only root, no capabilities, no new "
        f"privileges, {MEMORY_BYTES >> 20} MB of memory and no swap for all processes together"
    )

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, folder: Path) -> None:
        command = [self.name, "build", "-f", "Dockerfile.heroku", "-t", IMAGE, "."]
        subprocess.run(command, cwd=folder, check=True)

    def size(self, image: str) -> int:
        run = (self.name, "run", "--rm", "--user", "0", "--network", "none", "--entrypoint", "du")
        return int(_output(*run, image, "-sxb", "/").split()[0])

    @contextmanager
    def run(self, port: int, start: Start = DEFAULT) -> Iterator["DockerContainer"]:
        limit = f"{MEMORY_BYTES}b"
        environment = [f"--env={variable}" for variable in start.environment]
        number = _output(
            self.name, "run", "--detach", "--read-only", "--user", f"{USER}:{USER}",
            "--memory", limit, "--memory-swap", limit, "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges", "--publish", f"127.0.0.1:{port}:8000",
            *environment, IMAGE, *start.command,
        )  # fmt: skip
        try:
            yield DockerContainer(self.name, number)
        finally:
            subprocess.run([self.name, "rm", "--force", number], capture_output=True, check=False)


class DockerContainer:
    """A container that Docker or Podman runs."""

    def __init__(self, engine: str, number: str) -> None:
        self._engine = engine
        self._number = number

    def process_file(self, name: str) -> str:
        return _output(self._engine, "exec", self._number, "cat", f"/proc/1/{name}")

    def image_file(self, path: str) -> bytes:
        return _output(self._engine, "exec", self._number, "cat", path).encode()

    def terminate(self, timeout_s: float) -> int | None:
        _output(self._engine, "kill", "--signal", "TERM", self._number)
        try:
            waiting = [self._engine, "wait", self._number]
            ended = subprocess.run(
                waiting, check=True, capture_output=True, text=True, timeout=timeout_s
            )
        except subprocess.TimeoutExpired:
            return None
        return int(ended.stdout)

    def log(self) -> str:
        command = [self._engine, "logs", self._number]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


class Buildah:
    """Buildah builds; the kernel confines. For machines that can run no containers."""

    name = "buildah"
    guarantees = (
        f"enforced by the kernel: user {USER}:{USER}, read-only root (bind mount in a mount "
        f"namespace), no capabilities, no new privileges.\nEnforced by this script, which looks 20 "
        f"times a second: killed if its processes together have more than {MEMORY_BYTES >> 20} MB "
        "resident.\nNot as in a container: network and processes are the host's"
    )

    def build(self, folder: Path) -> None:
        options = ["--isolation", "chroot", "--pull=false", "-f", "Dockerfile.heroku", "-t", IMAGE]
        subprocess.run(["buildah", "build", *options, "."], cwd=folder, check=True)

    def size(self, image: str) -> int:
        with self._root(image) as root:
            return int(_output("du", "-sxb", str(root)).split()[0])

    @contextmanager
    def _root(self, image: str) -> Iterator[Path]:
        working = _output("buildah", "from", "--pull=false", image)
        try:
            yield Path(_output("buildah", "mount", working))
        finally:
            subprocess.run(["buildah", "rm", working], capture_output=True, check=False)

    @contextmanager
    def run(self, port: int, start: Start = DEFAULT) -> Iterator["ChrootProcess"]:
        config = json.loads(_output("buildah", "inspect", "--type", "image", IMAGE))
        config = config["OCIv1"]["config"]
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _ENTER]
        confine = [
            "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all", "--no-new-privs",
        ]  # fmt: skip
        inside = ["env", "-i", "-C", config["WorkingDir"], *config["Env"], f"PORT={port}"]
        inside += [*start.environment, *(start.command or config["Cmd"])]
        with self._root(IMAGE) as root, tempfile.NamedTemporaryFile() as log:
            process = subprocess.Popen(
                [*enter, str(root), "chroot", str(root), *confine, *inside],
                stdout=log,
                stderr=log,
            )
            try:
                with _held_to(MEMORY_BYTES, process):
                    yield ChrootProcess(process, root, Path(log.name))
            finally:
                process.kill()
                process.wait()


@contextmanager
def _held_to(limit: int, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kills the process once it and its children have more than `limit` bytes resident."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            if resident_bytes(process.pid) > limit:
                process.kill()
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all below it; pages they share count for each."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended between two looks
    return pages * os.sysconf("SC_PAGESIZE") + sum(map(resident_bytes, children))


class ChrootProcess:
    """The service as a process in the image's root file system."""

    def __init__(self, process: subprocess.Popen[bytes], root: Path, log: Path) -> None:
        self._process = process
        self._root = root
        self._log = log

    def process_file(self, name: str) -> str:
        return Path(f"/proc/{self._process.pid}/{name}").read_text()

    def image_file(self, path: str) -> bytes:
        return (self._root / path.lstrip("/")).read_bytes()

    def terminate(self, timeout_s: float) -> int | None:
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def log(self) -> str:
        return self._log.read_text()


def find_engine() -> Engine:
    """The first of docker, podman and buildah that works here. Raises NoEngineError."""
    for name in ("docker", "podman"):
        if shutil.which(name):
            answers = subprocess.run([name, "info"], capture_output=True, check=False)
            if answers.returncode == 0:
                return Docker(name)
    if shutil.which("buildah"):
        if os.geteuid() != 0:
            raise NoEngineError("only buildah works here, and running its image needs root")
        os.environ.setdefault("STORAGE_DRIVER", "vfs")  # the one that works inside containers, too
        return Buildah()
    raise NoEngineError("neither docker nor podman nor buildah works here")
