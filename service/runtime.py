"""OpenVINO, without its model converter and its telemetry.

Importing OpenVINO brings in its converter, which the service does not need and
which reports use to a third party. Both count as not installed here.
"""

import sys

for unwanted in ("openvino.tools.ovc", "openvino_telemetry"):
    # None is how the import system marks a module that must not be imported.
    sys.modules[unwanted] = None  # type: ignore[assignment]

import openvino  # noqa: E402

__all__ = ["openvino"]
