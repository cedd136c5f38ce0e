"""Pack shards of clips into Opus streams: `python -m speech.pack CLIPS PACKS`. A pack holds up to 2000 clips."""
from __future__ import annotations

import argparse
from pathlib import Path

from .clips import load, pack

IN_A_PACK = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("packs", type=Path)
    args = parser.parse_args()
    args.packs.mkdir(parents=True, exist_ok=True)
    shards: dict[str, list[Path]] = {}
    for path in sorted(args.clips.glob("clips_*.npz")):
        shards.setdefault(path.stem.rsplit("_", 1)[0], []).append(path)
    for name, paths in shards.items():
        clips = [c for p in paths for c in load(p)]
        for at in range(0, len(clips), IN_A_PACK):
            target = args.packs / f"{name}_{at // IN_A_PACK}"
            print(target.name, pack(target, clips[at: at + IN_A_PACK]), "clips")


if __name__ == "__main__":
    main()
