"""What this process may really use of the machine's processors."""

import os
from pathlib import Path

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1_QUOTA = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_CGROUP_V1_PERIOD = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def available_cpus() -> int:
    """Whole CPUs this process may use: its affinity, cut down to the container's quota."""
    usable = len(os.sched_getaffinity(0))
    quota = _quota()
    return usable if quota is None else max(1, min(usable, round(quota)))


def _quota() -> float | None:
    if _CGROUP_V2.exists():
        limit, period = _CGROUP_V2.read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    if _CGROUP_V1_QUOTA.exists():
        limit_us = int(_CGROUP_V1_QUOTA.read_text())
        return None if limit_us <= 0 else limit_us / int(_CGROUP_V1_PERIOD.read_text())
    return None


def cpu_flags() -> frozenset[str]:
    """The instruction sets the processor names, for instance `avx512_bf16`; empty if unknown."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return frozenset()
    for line in info.read_text().splitlines():
        if line.startswith("flags"):
            return frozenset(line.split(":", 1)[1].split())
    return frozenset()
