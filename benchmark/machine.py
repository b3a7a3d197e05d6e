"""What the measurements ran on."""

import functools
import os
import platform
from pathlib import Path

import psutil

from shared_models.results import MachineInfo

_CPU_INFO = Path("/proc/cpuinfo")


@functools.cache
def _static() -> MachineInfo:
    return MachineInfo(
        os=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        cpu_model=_cpu_model(),
        logical_cores=psutil.cpu_count(logical=True) or 1,
        memory_mb=psutil.virtual_memory().total // (1024 * 1024),
        runtime_version=None,
    )


def machine_info(runtime_version: str | None = None) -> MachineInfo:
    """Return this machine; `runtime_version` is the agent's."""
    return _static().model_copy(update={"runtime_version": runtime_version})


def load_average() -> float | None:
    """Return the one-minute load average, or None where the system keeps none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _cpu_model() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model"):
                return value.strip()
    return platform.processor() or "unknown"
