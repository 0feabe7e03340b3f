"""What `make image-test` concludes from what it reads; the test itself needs a container tool."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import containers
from bench.containers import NoEngineError, find_engine, resident_bytes
from bench.image import check_confinement, check_sbom, root_is_read_only, status_kb
from bench.probe import Checks

READ_ONLY = (
    "1 0 8:1 / / rw,relatime - ext4 /dev/sda rw\n2 1 8:1 /img / ro,relatime - ext4 /dev/sda rw"
)
WRITABLE = (
    "1 0 8:1 / / ro,relatime - ext4 /dev/sda rw\n2 1 8:1 /img / rw,relatime - ext4 /dev/sda rw"
)


class Seen:
    """A container of which only files are looked at."""

    def __init__(self, uid: int, mounts: str, sbom: bytes = b"{}") -> None:
        self._files = {
            "status": f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n",
            "mountinfo": mounts,
        }
        self._sbom = sbom

    def process_file(self, name: str) -> str:
        return self._files[name]

    def image_file(self, path: str) -> bytes:
        return self._sbom

    def terminate(self, timeout_s: float) -> int | None:
        return 0

    def log(self) -> str:
        return ""


def test_the_last_mount_of_the_root_counts() -> None:
    assert root_is_read_only(READ_ONLY)
    assert not root_is_read_only(WRITABLE)
    assert not root_is_read_only("")


def test_peak_memory_is_read_from_status() -> None:
    assert status_kb(Path("/proc/self/status").read_text(), "VmHWM") > 1000
    assert status_kb("Name: x", "VmHWM") == 0


@pytest.mark.parametrize(
    ("container", "failures"),
    [
        (Seen(containers.USER, READ_ONLY), 0),
        (Seen(0, READ_ONLY), 1),
        (Seen(containers.USER, WRITABLE), 1),
    ],
)
def test_confinement_is_looked_at(container: Seen, failures: int) -> None:
    checks = Checks()
    check_confinement(checks, container)
    assert len(checks.failed) == failures


def test_an_empty_list_of_packages_is_no_sbom() -> None:
    checks = Checks()
    check_sbom(checks, Seen(1, READ_ONLY, json.dumps({"components": [{}] * 20}).encode()))
    assert checks.status() == 0
    check_sbom(checks, Seen(1, READ_ONLY))
    assert checks.status() == 1


def test_memory_of_children_counts() -> None:
    alone = resident_bytes(os.getpid())
    code = "input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        assert resident_bytes(os.getpid()) > alone
        assert child.stdin is not None
        child.stdin.write(b"\n")
    assert resident_bytes(child.pid) == 0


def test_without_a_container_tool_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("docker") is None
    with pytest.raises(NoEngineError, match="neither docker nor podman nor buildah"):
        find_engine()
