"""Everything that is said: which questions dialogues ask, and the open sentences. Clips are made of these texts.

`python -m dialogs.inventory WORK` writes WORK/assets/words.txt (frequent English words), texts.json and corpus.txt
(what tokenizer and word pieces are trained on).
"""
from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

import splits
from pictures.scene import Scenes

from .dice import Dice
from .kiosk import ITEMS
from .render import Dialog
from .sentences import ADJECTIVES, NOUNS, Sentences, short_texts
from .talk import dialog
from .words import written

# a small model repeats what it hears: words that nobody wants to read by accident
LEFT_OUT = set(
    "fuck fucking shit shut ass bitch bitches damn hell nigger sex whore slut cock dick bastard fucked asshole bullshit "
    "cunt pussy rape raped cum porn nazi drunk kill killed dead murder murdered fucks fucker crap sexual gay naked".split()
)


def frequent_words(work: Path) -> list[str]:
    """The most frequent words of films and of an encyclopedia, in turns."""
    sys.path.insert(0, str(work / "sources/pypi/zxcvbn"))
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    pick = lambda name, n: [w for w in FREQUENCY_LISTS[name] if re.fullmatch("[a-z]{2,}", w) and w not in LEFT_OUT][:n]
    films, encyclopedia = pick("us_tv_and_film", 3200), pick("english_wikipedia", 3400)
    both = [w for pair in zip(films, encyclopedia) for w in pair]
    return list(dict.fromkeys(both))


def words_for_pictures(common: list[str], icon_names: list[str]) -> list[str]:
    """What is printed in pictures: words of up to ten letters."""
    stock = NOUNS + ADJECTIVES + ITEMS + icon_names + common[:3000]
    return sorted({w for w in stock if len(w) <= 10 and " " not in w})


class Dry:
    """A stock for dialogues that only collects what is asked."""

    def __init__(self, r: Dice, icon_names: list[str], words: list[str]):
        self.r, self.icon_names = r, icon_names
        self._scenes = Scenes(icon_names, words)

    def sentence(self) -> str:
        return ""

    def picture(self):
        return 0, self._scenes(self.r)


def questions(r: Dice, stock: Dry, count: int) -> tuple[Counter, list[Dialog]]:
    """What is asked in `count` dialogues, by frequency, and some of the dialogues."""
    asked: Counter = Counter()
    kept = []
    for i in range(count):
        d = dialog(r, stock)
        for t in d.turns:
            if t.user and t.sound == "speech" and not t.must_speak:
                asked[t.user] += 1
        if i < count // 4:
            kept.append(d)
    return asked, kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--dialogs", type=int, default=150_000, help="how many are drawn")
    parser.add_argument("--sentences", type=int, default=60_000)
    args = parser.parse_args()
    assets = args.work / "assets"
    common = frequent_words(args.work)
    (assets / "words.txt").write_text("\n".join(common) + "\n")
    icon_names = [str(n) for n in np.load(assets / "icons.npz")["names"]]
    words = words_for_pictures(common, icon_names)

    r = Dice(1)
    asked, dialogs = questions(r, Dry(r, icon_names, words), args.dialogs)
    make = Sentences(common)
    sentences = list(dict.fromkeys(make(r) for _ in range(args.sentences)))
    short = short_texts(common)
    unseen = Dice(2, unseen=True)
    asked_unseen, _ = questions(unseen, Dry(unseen, icon_names, words), args.dialogs // 10)
    texts = {
        "questions": [q for q, n in asked.most_common() if n > 1], "counts": [n for _, n in asked.most_common() if n > 1],
        "sentences": [s for s in sentences if not splits.sentence_is_held(s)], "short": short,
        "held_sentences": [s for s in sentences if splits.sentence_is_held(s) and s not in short],
        "held_questions": [q for q, _ in asked_unseen.most_common() if q not in asked],
        "picture_words": words,
    }
    (assets / "texts.json").write_text(json.dumps(texts))
    corpus = [(d.system or "") + "\n" + "\n".join(t.user + "\n" + t.answer for t in d.turns) for d in dialogs]
    (assets / "corpus.txt").write_text("\n".join(corpus + [written(s) for s in sentences]))
    for name, values in texts.items():
        print(len(values), name)
    once = sum(n == 1 for n in asked.values())
    print(f"left out {once} questions that were asked once; some of the held ones: {texts['held_questions'][:8]}")


if __name__ == "__main__":
    main()
