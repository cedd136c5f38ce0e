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
from .telephone import SINGLE, Telephone
from .tools import learn_names
from .words import spoken, written

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


def all_words(work: Path, common: list[str]) -> list[str]:
    """Words that names of tools are made of, and all that the sentences from WordNet may use."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    lists = [FREQUENCY_LISTS[name][:22_000] for name in ("us_tv_and_film", "english_wikipedia")]
    rude = re.compile("fuck|shit|nigg|whore|slut|rape|rapist|porn|nazi|cunt|bitch|murder|dick|pussy|penis|vagina|suicid")
    return list(dict.fromkeys(common + [w for ws in lists for w in ws if re.fullmatch("[a-z]{3,12}", w) and not rude.search(w)]))


def examples(work: Path, known: set[str]) -> list[str]:
    """The examples that WordNet gives for its words: phrases and sentences as people say them."""
    out = []
    for path in sorted((work / "sources/debian/wordnet-base").rglob("data.*")):
        for line in path.read_text(encoding="latin-1").split("\n"):
            out += [spoken(e) for e in re.findall(r'"([^"]+)"', line.partition("|")[2]) if re.fullmatch(r"[A-Za-z' ,;]+", e)]
    fits = lambda ws: 2 <= len(ws) <= 10 and all(w in known or w.endswith("'s") and w[:-2] in known for w in ws)
    return list(dict.fromkeys(e for e in out if fits(e.split())))


def words_for_pictures(common: list[str], icon_names: list[str]) -> list[str]:
    """What is printed in pictures: words of up to ten letters."""
    stock = NOUNS + ADJECTIVES + ITEMS + icon_names + common[:3000]
    return sorted({w for w in stock if len(w) <= 10 and " " not in w})

RARE = 6000  # of the questions that were asked once


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
            if t.user and t.sound == "speech" and not t.must_speak and ":" not in t.user:  # lists of names are only typed
                asked[t.user] += 1
        if i < count // 4:
            kept.append(d)
    return asked, kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--dialogs", type=int, default=150_000, help="how many are drawn")
    parser.add_argument("--sentences", type=int, default=45_000, help="made up, and a third as many announcements")
    args = parser.parse_args()
    assets = args.work / "assets"
    common = frequent_words(args.work)
    (assets / "words.txt").write_text("\n".join(common) + "\n")
    icon_names = [str(n) for n in np.load(assets / "icons.npz")["names"]]
    words = words_for_pictures(common, icon_names)
    names = all_words(args.work, common)
    (assets / "names.txt").write_text("\n".join(names) + "\n")
    learn_names(names)

    r = Dice(1)
    asked, dialogs = questions(r, Dry(r, icon_names, words), args.dialogs)
    make, announce = Sentences(common), Telephone()
    sentences = [make(r) for _ in range(args.sentences)] + [announce(r) for _ in range(args.sentences // 3)]
    sentences += examples(args.work, set(names) | {"a", "i", "an", "i'm", "don't", "it's", "can't"} | set(common))
    recorded = splits.recorded_texts(args.work)
    sentences = [s for s in dict.fromkeys(sentences) if spoken(s) not in recorded]
    r.shuffle(sentences)
    short = list(dict.fromkeys(short_texts(common) + SINGLE))
    unseen = Dice(2, unseen=True)
    asked_unseen, _ = questions(unseen, Dry(unseen, icon_names, words), args.dialogs // 10)
    often, once = [q for q, n in asked.most_common() if n > 1], [q for q, n in asked.items() if n == 1]
    texts = {
        "questions": [q for q in often + r.sample(once, min(len(once), RARE)) if spoken(q) not in recorded],
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
    print(f"left out {max(0, len(once) - RARE)} questions that were asked once; some of the held ones: {texts['held_questions'][:8]}")


if __name__ == "__main__":
    main()
