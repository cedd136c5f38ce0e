"""What is said: `Texts(held).draw(r)` gives one turn as pieces of text with a pause behind each but the last.

The pieces of a turn are known to be unfinished and its end is known to be finished, so no label is guessed. The
patterns and most words of evaluation (held) are not those of training.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

import words

LONGEST = 4  # pieces of one turn


@dataclass
class Turn:
    kind: str  # "plain", "phrase", "word", "filler", "list", "restart", "opener", "two"
    pieces: list[str]
    marks: list[str] = field(default_factory=list)  # punctuation between pieces, as the synthesiser reads it


def spell_fillers(text: str, r: Random) -> str:
    """ "um" is drawn out now and then."""
    return re.sub(r"\b(um|uh|er|hmm)\b", lambda m: m[0] + m[0][-1] * r.choice([0, 0, 1, 3]), text)


class Texts:
    """Draws turns; `held` draws from what is kept for evaluation."""

    def __init__(self, held: bool, more: list[str] = ()):
        lexicon = words.HELD_WORDS if held else words.WORDS
        self.words = {k: v.split("|") for k, v in lexicon.items()}
        self.patterns = words.HELD_PATTERNS if held else words.PATTERNS
        self.lists = words.HELD_LISTS if held else words.LISTS
        self.more = list(more)  # sentences without marks of phrases

    def fill(self, pattern: str, r: Random) -> str:
        text = re.sub(r"\{(\w+)\}", lambda m: r.choice(self.words[m[1]]), pattern)
        return text[0].upper() + text[1:]

    def sentence(self, r: Random, phrases: int = 1) -> str:
        """A complete sentence of at least so many phrases, with marks."""
        while True:
            if self.more and phrases == 1 and r.random() < 0.25:
                return r.choice(self.more)
            text = self.fill(r.choice(self.patterns), r)
            if text.count("|") >= phrases - 1:
                return text

    def draw(self, r: Random, kind: str | None = None) -> Turn:
        kind = kind or r.choices(["plain", "phrase", "word", "filler", "list", "restart", "opener"],
                                 [22, 22, 22, 14, 8, 5, 7])[0]
        turn = Turn(kind, getattr(self, "_" + kind)(r))
        turn.pieces = [p.strip() for p in turn.pieces if p.strip()]
        if len(turn.pieces) > LONGEST:
            turn.pieces = [*turn.pieces[:LONGEST - 1], " ".join(turn.pieces[LONGEST - 1:])]
        turn.marks = [self._mark(p, r) for p in turn.pieces[:-1]]
        turn.pieces = [p.rstrip(",") for p in turn.pieces]
        return turn

    def _mark(self, piece: str, r: Random) -> str:
        if piece[-1] in ".?!":
            return ""
        return r.choices([",", "…", "—"], [60, 30, 10])[0]

    def _plain(self, r: Random) -> list[str]:
        text = self.sentence(r) if r.random() < 0.85 else self.fill(r.choice(self.lists), r)
        return [text.replace(" |", "")]

    def _phrase(self, r: Random) -> list[str]:
        """A pause where phrases meet."""
        parts = self.sentence(r, 2).split("|")
        at = sorted(r.sample(range(1, len(parts)), min(len(parts) - 1, r.choice([1, 1, 2]))))
        return [" ".join(p.strip() for p in parts[a:b]) for a, b in zip([0, *at], [*at, len(parts)])]

    def _word(self, r: Random) -> list[str]:
        """A pause behind any word but the last."""
        said = []
        while len(said) < 3:
            said = self.sentence(r).replace("|", "").split()
        at = r.randrange(1, len(said))
        return [" ".join(said[:at]), " ".join(said[at:])]

    def _filler(self, r: Random) -> list[str]:
        """A pause behind a filler, or around one."""
        first, *rest = self._word(r) if r.random() < 0.5 else self._phrase(r)
        filler = spell_fillers(r.choice(self.words["filler"]), r)
        if r.random() < 0.4:
            return [first, filler, *rest]
        return [f"{first.rstrip(',')}, {filler}", *rest]

    def _list(self, r: Random) -> list[str]:
        return self.fill(r.choice(self.lists), r).split("|")

    def _restart(self, r: Random) -> list[str]:
        """Words that are given up, a pause, the sentence."""
        text = self.sentence(r, 2).replace(" |", "")
        said = text.split()
        lost = said[:r.randint(2, max(2, min(5, len(said) - 2)))]
        return [" ".join(lost), (r.choice(["no, ", "sorry, ", "I mean, ", "", ""]) + text)]

    def _opener(self, r: Random) -> list[str]:
        """A word that opens a turn, or a joint before the rest."""
        if r.random() < 0.5:
            return [spell_fillers(r.choice(self.words["opener"]), r), self.sentence(r).replace(" |", "")]
        first, *rest = self._phrase(r)
        return [f"{first} {r.choice(self.words['joint'])}", " ".join(rest) or "never mind."]

    def _two(self, r: Random) -> list[str]:
        """Two sentences: only what comes tells that the first was not the end."""
        return [self.sentence(r).replace(" |", ""), self.sentence(r).replace(" |", "")]


if __name__ == "__main__":
    for held in (False, True):
        r, texts = Random(1), Texts(held)
        for _ in range(30):
            t = texts.draw(r)
            print(t.kind, " / ".join(t.pieces), t.marks)
