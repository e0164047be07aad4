"""The machine of the figures: the hardware and the versions, without which they mean little."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

PACKAGES = ("tihua", "torch", "openvino", "grpcio", "pymilvus", "milvus-lite", "cn-clip", "mosec")


def describe_machine() -> dict[str, str]:
    """Return what a reader must know about the machine, by name."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{gib:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": sys.version.split()[0],
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    }


def _processor() -> str:
    """Return the processor's name and the instructions that decide how fast it is."""
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", "").split()
    wanted = [flag for flag in ("avx2", "avx512_bf16", "avx512_vnni", "amx_bf16") if flag in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(wanted) or 'no AVX2'})"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
