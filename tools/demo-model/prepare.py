"""Everything that training reads, from the fetched sources: `python -m prepare WORK` fills WORK/assets."""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from speech import phonemes
from speech.synthesize import SENTENCES
from train import pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--smoke", action="store_true", help="few texts, no phonemes")
    parser.add_argument("--pieces", type=Path, help="keep these word pieces, which the helpers of an earlier run know")
    args = parser.parse_args()
    few = ["--dialogs", "3000", "--sentences", "2000"] if args.smoke else []
    for command in (["pictures.collect"], ["speech.collect"], ["dialogs.inventory", *few]):
        subprocess.run([sys.executable, "-m", command[0], str(args.work), *command[1:]], check=True)
    assets = args.work / "assets"
    if args.pieces:
        (assets / "pieces.json").write_text(args.pieces.read_text())
    else:
        pieces.train(assets)
    if not args.smoke:
        texts = json.loads((assets / "texts.json").read_text())
        spoken = texts["questions"] + texts["short"] + texts["sentences"][:SENTENCES] + texts["held_questions"] + texts["held_sentences"]
        phonemes.write(assets, spoken)
    subprocess.run([sys.executable, "-m", "splits", str(assets)], check=True)


if __name__ == "__main__":
    main()
