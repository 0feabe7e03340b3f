"""Builds the image, runs it as Heroku would or worse, asks it, and stops it.

python3 -m bench.image [--no-build]

It runs as a user unknown to the image, with a read-only root and 512 MB, with docker,
podman or buildah, whichever works; what that engine could enforce is printed. The second
time it runs with a store, as the web dyno does. Any image
tagged python:3.11-slim with a Python 3.11 will do as base. Exit status: 0 all right, 1
not. Needs no packages.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from bench.containers import (
    BASE,
    IMAGE,
    MEMORY_BYTES,
    USER,
    Container,
    Engine,
    NoEngineError,
    Start,
    find_engine,
)
from bench.probe import Checks, UnreachableError, ask, free_port, seconds_to_health
from bench.stories import own_stories

ROOT = Path(__file__).resolve().parent.parent
SBOM = "/app/sbom.cdx.json"
SIZE_LIMIT_MB = 450
START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
BATCH = 32
SINGLES = 40
# Ended by itself, or by the SIGTERM that Uvicorn raises again once it has cleaned up.
CLEAN_ENDS = (0, -15, 128 + 15)


def status_kb(status: str, name: str) -> int:
    """Kilobytes of a line such as `VmHWM:   300 kB` of /proc/<pid>/status; 0 if absent."""
    match = re.search(rf"^{name}:\s+(\d+) kB$", status, re.M)
    return int(match[1]) if match else 0


def root_is_read_only(mountinfo: str) -> bool:
    """Whether `/` is mounted read-only, by /proc/<pid>/mountinfo (the last mount counts)."""
    roots = [fields for line in mountinfo.splitlines() if (fields := line.split())[4] == "/"]
    return bool(roots) and "ro" in roots[-1][5].split(",")


def check_answers(checks: Checks, url: str) -> None:
    """Post stories one by one, then the longest as a batch; every answer has a label."""
    stories = own_stories()
    every = stories[:: len(stories) // SINGLES][:SINGLES]
    replies = [ask(f"{url}/predict", story.request) for story in every]
    labelled = [r for r in replies if r.status == 200 and _has_label(r.body)]
    checks.check("stories one by one have labels", len(labelled) == SINGLES, f"{len(labelled)}")
    longest = sorted(stories, key=lambda s: -len(s.text))[:BATCH]
    reply = ask(f"{url}/predict/batch", {"stories": [story.request for story in longest]})
    count = sum(map(_has_label, reply.body)) if isinstance(reply.body, list) else 0
    checks.check(f"a batch of {BATCH} long stories has labels", count == BATCH, f"{count}")


def _has_label(answer: object) -> bool:
    return isinstance(answer, dict) and answer.get("label") in ("brutality", "none")


def check_confinement(checks: Checks, container: Container) -> None:
    """What the engine was asked for is so."""
    user = re.search(r"^Uid:\s+(\d+)", container.process_file("status"), re.M)
    checks.check(f"it runs as user {USER}", user is not None and int(user[1]) == USER)
    mounts = container.process_file("mountinfo")
    checks.check("its root is read-only", root_is_read_only(mounts))


def check_sbom(checks: Checks, container: Container) -> None:
    """The list of packages is in the image."""
    listed = json.loads(container.image_file(SBOM)).get("components", [])
    checks.check(f"SBOM at {SBOM}", len(listed) > 10, f"{len(listed)} packages")


def with_store(port: int) -> Start:
    """How the image starts as a web dyno does: tables first, then service and incidents.

    The store is in memory that every container may write, root or not.
    """
    command = "python -m collector migrate && exec python -m collector serve"
    return Start(("sh", "-c", command), (f"DATABASE_URL=sqlite:////dev/shm/image{port}.db",))


def check_store(checks: Checks, engine: Engine) -> None:
    """The image serves incidents, too, within the same memory."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    try:
        with engine.run(port, with_store(port)) as container:
            if not checks.check(
                "it starts with a store", seconds_to_health(url, START_LIMIT_S) is not None
            ):
                print(container.log())
                return
            checks.check("it serves incidents", ask(f"{url}/incidents").body == [])
            check_answers(checks, url)
            check_peak(checks, container)
            ended = container.terminate(STOP_LIMIT_S)
            checks.check(f"SIGTERM ends it within {STOP_LIMIT_S:.0f} s", ended in CLEAN_ENDS, ended)
    except UnreachableError as error:
        checks.check("it answers with a store", False, error)
    finally:
        for left in Path("/dev/shm").glob(f"image{port}.db*"):  # where that is the host's
            left.unlink()


def check_peak(checks: Checks, container: Container) -> None:
    """The most memory that its main process has had so far."""
    peak = status_kb(container.process_file("status"), "VmHWM") / 1024
    limit = MEMORY_BYTES >> 20
    checks.check(f"peak RSS within {limit} MB", 0 < peak <= limit, f"{peak:.0f} MB")


def check_running(checks: Checks, engine: Engine) -> None:
    """Start the image, look at it from all sides, stop it."""
    port = free_port()
    with engine.run(port) as container:
        url = f"http://127.0.0.1:{port}"
        seconds = seconds_to_health(url, START_LIMIT_S)
        if not checks.check("it starts", seconds is not None):
            print(container.log())
            return
        print(f"      start to health: {seconds:.1f} s")
        check_confinement(checks, container)
        check_sbom(checks, container)
        try:
            check_answers(checks, url)
        except UnreachableError as error:
            checks.check("it answers", False, error)
            print(container.log())
            return
        check_peak(checks, container)
        ended = container.terminate(STOP_LIMIT_S)
        checks.check(f"SIGTERM ends it within {STOP_LIMIT_S:.0f} s", ended in CLEAN_ENDS, ended)
        log = container.log()
        if not checks.check("no traceback in its log", "Traceback" not in log):
            print(log)


def main() -> int:
    """Build, run, check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--no-build", action="store_true", help=f"test {IMAGE} as it is")
    arguments = parser.parse_args()
    try:
        engine = find_engine()
        if not arguments.no_build:
            engine.build(ROOT)
        print(f"engine: {engine.name}\n{engine.guarantees}")
        checks = Checks()
        check_running(checks, engine)
        check_store(checks, engine)
        size = (engine.size(IMAGE) - engine.size(BASE)) / 1e6
        name = f"image beyond its base within {SIZE_LIMIT_MB} MB"
        checks.check(name, size <= SIZE_LIMIT_MB, f"{size:.0f} MB")
    except (NoEngineError, subprocess.CalledProcessError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return checks.status()


if __name__ == "__main__":
    sys.exit(main())
