"""What a training machine without a network needs, as archives of at most --most megabytes: `python -m train.carry WORK`.

WORK/carry/: base.tar.xz (assets without the neural voices and what only evaluation uses, tokenizer, and what --helpers
knows of the helper losses), the packs of clips, which are compressed already, grouped as packs-0, packs-1, ..., and
Kokoro in parts, kokoro-0, ..., whose files go together with `cat`.
"""
from __future__ import annotations

import argparse
import io
import shutil
import tarfile
from pathlib import Path

from .shape import trained

BASE = ["bin", "lib", "fonts", "icons.npz", "photos.npz", "words.txt", "names.txt", "texts.json", "phonemes.json", "pieces.json"]


def kokoro(source: Path, out: Path, most: int) -> None:
    """The folder as one stream, cut."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:xz", preset=1) as tar:
        tar.add(source, "kokoro")
    data = whole.getvalue()
    for i, at in enumerate(range(0, len(data), most)):
        (out / f"kokoro-{i}").mkdir()
        (out / f"kokoro-{i}/kokoro.tar.xz.{i}").write_bytes(data[at: at + most])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--most", type=float, default=28.0)
    parser.add_argument("--helpers", type=Path, help="RUN of an earlier training")
    args = parser.parse_args()
    out = args.work / "carry"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with tarfile.open(out / "base.tar.xz", "w:xz") as tar:
        for name in BASE:
            tar.add(args.work / "assets" / name, f"assets/{name}")
        tar.add(args.work / "tokenizer", "tokenizer")
        if args.helpers:
            import torch

            kept = {n: w for n, w in trained(args.helpers).items() if n.startswith("helper.")}
            torch.save(kept, args.work / "helpers.pt")
            tar.add(args.work / "helpers.pt", "helpers.pt")
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
    kokoro(args.work / "assets/kokoro", out, int(args.most * 1e6))
    for path in sorted(out.iterdir()):
        total = sum(f.stat().st_size for f in ([path] if path.is_file() else path.iterdir()))
        print(f"{path.name}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
