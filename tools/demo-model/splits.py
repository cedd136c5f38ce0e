"""What training may use and what is kept for evaluation: icon styles, fonts, backgrounds, voices, sentences.

`python -m splits ASSETS` checks that the two do not overlap, question wordings included, and ends with an error
if they do. evaluate runs the same check before it starts.
"""
from __future__ import annotations

import argparse
import gzip
import json
import sys
import zlib
from pathlib import Path

import numpy as np

from dialogs.words import spoken

# icon sets of npm's @iconify-json, in the order of the second axis of icons.npz
STYLES = ["noto", "twemoji", "fluent-emoji-flat", "fluent-emoji", "noto-v1", "emojione", "streamline-emojis",
          "fluent-emoji-high-contrast"]
HELD_STYLES = ["openmoji"]

# Debian packages
FONTS = ["fonts-dejavu-core", "fonts-liberation2", "fonts-lato", "fonts-open-sans", "fonts-comic-neue", "fonts-cantarell",
         "fonts-dosis", "fonts-ebgaramond", "fonts-freefont-ttf", "fonts-jetbrains-mono", "fonts-karla", "fonts-junction",
         "fonts-league-spartan", "fonts-lobster", "fonts-cabin", "fonts-breip", "fonts-humor-sans", "fonts-hack-ttf"]
HELD_FONTS = ["fonts-crosextra-caladea", "fonts-crosextra-carlito", "fonts-jura", "fonts-oldstandard"]

# sample pictures of scikit-image and scikit-learn
PHOTOS = ["astronaut.png", "brick.png", "chelsea.png", "coffee.png", "grass.png", "gravel.png", "motorcycle_left.png",
          "china.jpg", "hubble_deep_field.jpg", "coins.png", "camera.png"]
HELD_PHOTOS = ["flower.jpg", "rocket.jpg", "motorcycle_right.png", "retina.jpg"]

# those that show something one could name: always out of focus
BUSY_PHOTOS = {"astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "motorcycle_right.png", "camera.png",
               "china.jpg", "flower.jpg", "rocket.jpg"}

HELD_KOKORO = ["am_eric", "bf_lily", "af_nova", "bm_lewis"]
HELD_ESPEAK = ["Andy", "Annie", "f5", "m8"]
# never heard in training: recorded people, nor what they say
HELD_SPEECH = ["asterisk-core-sounds-en-wav"]

HELD_SENTENCES = 0.05  # share of the made-up sentences that only evaluation uses


def sentence_is_held(text: str) -> bool:
    """By a checksum of the text, so that every program agrees."""
    return zlib.crc32(text.encode()) % 1000 < 1000 * HELD_SENTENCES


def recorded_texts(work: Path) -> set[str]:
    """What the recorded people say in two words and more; single words are words. Empty where they were not fetched."""
    out = set()
    for path in (work / "sources/debian/asterisk-core-sounds-en").rglob("core-sounds-en.txt*"):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", errors="replace") as f:
            out |= {spoken(line.partition(":")[2]) for line in f if not line.startswith(";")}
    return {t for t in out if " " in t}


def overlaps(assets: Path) -> list[str]:
    """What is on both sides."""
    found = []
    for what, seen, held in (("icon style", STYLES, HELD_STYLES), ("font package", FONTS, HELD_FONTS),
                             ("photograph", PHOTOS, HELD_PHOTOS)):
        found += [f"{what} {x}" for x in set(seen) & set(held)]
    names = lambda folder: {p.name for p in (assets / folder).glob("*")}
    found += [f"font file {x}" for x in names("fonts") & names("fonts-held")]
    photos = np.load(assets / "photos.npz")
    digests = lambda names: {zlib.crc32(photos[n].tobytes()) for n in names if n in photos}
    found += [f"photograph {x}" for x in digests(PHOTOS) & digests(HELD_PHOTOS)]
    texts = json.loads((assets / "texts.json").read_text())
    found += [f"sentence {x!r}" for x in set(texts["sentences"]) & set(texts["held_sentences"])]
    found += [f"wording {x!r}" for x in set(texts["questions"]) & set(texts["held_questions"])]
    recorded = recorded_texts(assets.parent)
    found += [f"recorded {x!r}" for x in {spoken(t) for t in texts["questions"] + texts["sentences"] + texts["short"]} & recorded]
    for index in (assets.parent / "packs").glob("*.json"):
        clips = json.loads(index.read_text())
        voices = {v.split(":")[1] for _, _, v in clips if v.startswith("kokoro:")}
        found += [f"voice {x} in {index.name}" for x in voices & set(HELD_KOKORO)]
        said = {t for _, t, _ in clips if t}
        found += [f"sentence {x!r} in {index.name}" for x in said & set(texts["held_sentences"]) | said & set(texts["held_questions"])]
        found += [f"recorded {x!r} in {index.name}" for x in {spoken(t) for t in said} & recorded]
    return found


def sift(assets: Path) -> None:
    """Take out of packs that were made for other texts what is kept for evaluation now."""
    texts, recorded = json.loads((assets / "texts.json").read_text()), recorded_texts(assets.parent)
    held = set(texts["held_sentences"]) | set(texts["held_questions"])
    for index in (assets.parent / "packs").glob("*.json"):
        clips = [(n, None if t in held or t and spoken(t) in recorded else t, v) for n, t, v in json.loads(index.read_text())]
        print(index.name, sum(t is None for _, t, _ in clips), "of", len(clips), "left out")
        index.write_text(json.dumps(clips))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path)
    parser.add_argument("--sift", action="store_true", help="take out of the packs what evaluation uses")
    args = parser.parse_args()
    if args.sift:
        sift(args.assets)
    bad = overlaps(args.assets)
    for line in bad:
        print("in training and in evaluation:", line)
    if bad:
        sys.exit(1)
    print("training and evaluation are disjoint")


if __name__ == "__main__":
    main()
