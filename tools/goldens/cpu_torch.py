#!/usr/bin/env python3
"""Let the torch of PyPI start without the CUDA libraries.

torch's wheel for Linux is linked against a dozen CUDA libraries, which PyPI has as packages of 5 GB.
A run on CPUs loads them and never calls them. This program reads which functions torch's libraries
want from them and compiles stand-ins of the same names, in which every function answers "no device".

  cpu_torch.py FOLDER     FOLDER: .../site-packages/torch/lib

Needs gcc and binutils. Does nothing if the stand-ins are there.
"""
from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

CUDA_LIBRARY = re.compile(r"lib(cu|nv|nccl)")
CUDA_FUNCTION = re.compile(r"_{0,2}(cu|nv|nccl|CUpti)")
UNVERSIONED = "libnccl.so.2"  # home of the functions whose library cannot be read off their version
VERSION_HOMES = {"NVSHMEM": "libnvshmem_host.so.3"}  # elsewhere the version is named as the library
NO_DEVICE = 100  # cudaErrorNoDevice


def output_of(*command: str | Path) -> str:
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def wanted_libraries(folder: Path) -> set[str]:
    """Names of the CUDA libraries that torch's libraries are linked against."""
    names: set[str] = set()
    for lib in folder.glob("*.so"):
        names |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-dW", lib)))
    return {n for n in names if CUDA_LIBRARY.match(n)}


def wanted_functions(folder: Path) -> dict[str, str]:
    """Function -> version, for all that torch's libraries want and do not define."""
    defined, wanted = set(), {}
    for lib in folder.glob("*.so"):
        for line in output_of("nm", "-D", lib).splitlines():
            kind, symbol = line.split()[-2:]
            name, _, version = symbol.replace("@@", "@").partition("@")
            if kind == "U":
                wanted[name] = version
            else:
                defined.add(name)
    return {n: v for n, v in wanted.items() if n not in defined and CUDA_FUNCTION.match(n)}


def source_of(functions: list[str]) -> str:
    """C text of a stand-in."""
    lines = []
    for name in functions:
        if name.endswith(("ErrorString", "ErrorName")):
            lines.append(f'const char *{name}(void) {{ return "no CUDA here"; }}')
        else:
            lines.append(f"long {name}(void) {{ return {NO_DEVICE}; }}")
    return "\n".join(lines) + "\n"


def compile_library(target: Path, functions: dict[str, str]) -> None:
    """Write the stand-in `target` with these functions (name -> version)."""
    by_version = defaultdict(list)
    for name, version in sorted(functions.items()):
        by_version[version].append(name)
    with tempfile.TemporaryDirectory() as tmp:
        source, versions = Path(tmp, "lib.c"), Path(tmp, "lib.map")
        source.write_text(source_of(sorted(functions)))
        versions.write_text("\n".join(f"{v} {{ global: {'; '.join(names)}; }};" for v, names in by_version.items() if v))
        command = ["gcc", "-shared", "-fPIC", "-w", f"-Wl,-soname,{target.name}", "-o", target, source]
        if any(by_version):
            command.insert(1, f"-Wl,--version-script={versions}")
        output_of(*command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    libraries = wanted_libraries(folder)
    if all((folder / name).exists() for name in libraries):
        return
    homes: dict[str, dict[str, str]] = {name: {} for name in libraries}
    for function, version in wanted_functions(folder).items():
        home = VERSION_HOMES.get(version, version)
        homes[home if home in homes else UNVERSIONED][function] = version
    for name, functions in homes.items():
        if not (folder / name).exists():
            compile_library(folder / name, functions)


if __name__ == "__main__":
    main()
