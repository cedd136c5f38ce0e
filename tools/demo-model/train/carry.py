"""What a training machine without a network needs, as archives of at most --most megabytes: `python -m train.carry WORK`.

WORK/carry/: base.tar.xz (assets without the neural voices and what only evaluation uses, tokenizer), and the packs of
clips, which are compressed already, grouped as packs-0, packs-1, ...
"""
from __future__ import annotations

import argparse
import shutil
import tarfile
from pathlib import Path

BASE = ["bin", "lib", "fonts", "icons.npz", "photos.npz", "words.txt", "texts.json", "pieces.json"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--most", type=float, default=28.0)
    args = parser.parse_args()
    out = args.work / "carry"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with tarfile.open(out / "base.tar.xz", "w:xz") as tar:
        for name in BASE:
            tar.add(args.work / "assets" / name, f"assets/{name}")
        tar.add(args.work / "tokenizer", "tokenizer")
    group, size = 0, 0.0
    for ogg in sorted((args.work / "packs").glob("*.ogg")):
        files = [ogg, ogg.with_suffix(".json")]
        megabytes = sum(f.stat().st_size for f in files) / 1e6
        if size + megabytes > args.most:
            group, size = group + 1, 0.0
        size += megabytes
        folder = out / f"packs-{group}"
        folder.mkdir(exist_ok=True)
        for f in files:
            shutil.copy(f, folder)
    for path in sorted(out.iterdir()):
        total = sum(f.stat().st_size for f in ([path] if path.is_file() else path.iterdir()))
        print(f"{path.name}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
