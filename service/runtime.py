"""OpenVINO, without its model converter and its telemetry, and with few kernels kept.

Importing OpenVINO brings in its converter, which the service does not need and
which reports use to a third party. Both count as not installed here.
"""

import os
import sys

# oneDNN, which it computes with, keeps the kernels of the last 1024 shapes it has met: 60 MB
# under mixed requests, where 32 are as fast. It reads this when it is first used.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")

for unwanted in ("openvino.tools.ovc", "openvino_telemetry"):
    # None is how the import system marks a module that must not be imported.
    sys.modules[unwanted] = None  # type: ignore[assignment]

import openvino  # noqa: E402

__all__ = ["openvino"]
