"""What training may use and what is kept for evaluation: icon styles, fonts, backgrounds, voices, sentences.

`python -m splits ASSETS` checks that the two do not overlap, question wordings included, and ends with an error
if they do. evaluate runs the same check before it starts.
"""
from __future__ import annotations

import argparse
import json
import sys
import zlib
from pathlib import Path

import numpy as np

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
# never heard in training: recorded people
HELD_SPEECH = ["asterisk-core-sounds-en-wav"]

HELD_SENTENCES = 0.05  # share of the made-up sentences that only evaluation uses


def sentence_is_held(text: str) -> bool:
    """By a checksum of the text, so that every program agrees."""
    return zlib.crc32(text.encode()) % 1000 < 1000 * HELD_SENTENCES


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
    for name in ("clips", "packs"):
        for index in (assets.parent / name).glob("*.json"):
            voices = {v.split(":")[1] for _, _, v in json.loads(index.read_text()) if v.startswith("kokoro:")}
            found += [f"voice {x} in {index.name}" for x in voices & set(HELD_KOKORO)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path)
    bad = overlaps(parser.parse_args().assets)
    for line in bad:
        print("in training and in evaluation:", line)
    if bad:
        sys.exit(1)
    print("training and evaluation are disjoint")


if __name__ == "__main__":
    main()
