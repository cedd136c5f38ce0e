"""Dialogues as packed rows: tokens and what of them is learned, clips in rows of mel frames, pictures, helper labels."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dialogs.dice import Dice
from dialogs.render import Dialog, Piece, pieces
from dialogs.talk import dialog
from dialogs.tools import learn_names
from dialogs.words import written
from pictures.letters import ACROSS
from pictures.scene import COLOUR_NAMES, SHAPES, Scene

from .bank import Catalogue, Picture
from .features import RATE, frame_count, token_count
from .pieces import Pieces
from .shape import SPECIALS

GAP = 16  # frames between clips
MOST_SOFT = 66  # tokens of a picture
LETTER_CELLS = 9 * ACROSS  # of a token: its patches, each cut in ACROSS
READ = re.compile(r'(the text |It says )"([^"]+)"')  # what was read, in an answer
LONGEST_CLIP = 20 * RATE


@dataclass
class RowShape:
    """How large a batch is; the same every time, so that it is compiled once."""

    tokens: int = 768  # in a row
    rows: int = 160
    audio_rows: int = 88
    frames: int = 2048  # in an audio row
    pictures: int = 184

    @classmethod
    def parse(cls, text: str) -> "RowShape":
        return cls(*map(int, text.split(",")))


@dataclass
class Cut:
    """A clip in a dialogue: its number (-1: silence), speed, samples of silence before, samples in all."""

    clip: int
    speed: float
    lead: int
    length: int


@dataclass
class Sample:
    ids: list[int] = field(default_factory=list)
    learned: list[int] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)


class Labels:
    """What stands under each soft token of a picture: nothing, an icon or a shape; and its colour."""

    def __init__(self, icon_names: list[str]):
        self.icon = {n: i + 1 for i, n in enumerate(icon_names)}
        self.count = len(icon_names) + 1 + len(SHAPES)

    def of(self, scene: Scene, grid: tuple[int, int]) -> np.ndarray:
        """(2, MOST_SOFT): thing and colour, -100 where it is open."""
        w, h = grid[0] // 3, grid[1] // 3
        out = np.full((2, MOST_SOFT), -100, np.int64)
        if scene.kind == "text":
            return out
        out[0, : w * h] = 0
        for thing in scene.things:
            shape = thing.kind == "shape"
            label = len(self.icon) + 1 + SHAPES.index(thing.name) if shape else self.icon[thing.name]
            colour = COLOUR_NAMES.index(thing.colour) if shape else -100
            for y in range(h):
                for x in range(w):
                    inside, rim = self._covers(scene, thing.cell, (x + 0.5) / w, (y + 0.5) / h, w, h)
                    at = y * w + x
                    if inside:
                        out[0, at], out[1, at] = label, colour
                    elif rim and out[0, at] == 0:
                        out[0, at] = -100
        return out

    @staticmethod
    def letters(scene: Scene, grid: tuple[int, int]) -> np.ndarray:
        """(MOST_SOFT, LETTER_CELLS): the letter in every cell of every token, row by row; -100 where nothing is printed."""
        out = np.full((MOST_SOFT, LETTER_CELLS), -100, np.int64)
        if scene.letters is not None:
            w, h = grid[0] // 3, grid[1] // 3
            cells = scene.letters.reshape(h, 3, w, 3 * ACROSS).transpose(0, 2, 1, 3)
            out[: w * h] = cells.reshape(w * h, LETTER_CELLS)
        return out

    @staticmethod
    def _covers(scene: Scene, cell: tuple, fx: float, fy: float, w: int, h: int) -> tuple[bool, bool]:
        if not scene.alone():
            return int(fy * 3) == cell[0] and int(fx * 3) == cell[1], False
        off = max(abs(fy - 0.5) * h, abs(fx - 0.5) * w) / min(w, h)
        return off < 0.17, off < 0.5


class Maker:
    """Makes dialogues of what the catalogue has. It is the Stock that dialogs.talk asks."""

    def __init__(self, assets: Path, tokenizer: Path, folder: Path, seed: int, keep_pictures: int, neural_share: float):
        from tokenizers import Tokenizer

        self.r = Dice(seed)
        self.tokenizer = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
        self.catalogue = Catalogue(folder, keep_pictures)
        self.neural_share = neural_share
        self.icon_names = [str(n) for n in np.load(assets / "icons.npz")["names"]]
        self.labels, self.pieces = Labels(self.icon_names), Pieces(assets)
        learn_names((assets / "names.txt").read_text().split())
        self._sentences = json.loads((assets / "texts.json").read_text())["sentences"]
        self._known: dict[str, list[int]] = {}

    # -- Stock

    def sentence(self) -> str:
        c = self.catalogue
        if not c.spoken:
            return self.r.choice(self._sentences)
        stock = c.neural_all if c.neural_all and self.r.chance(0.7) else c.spoken
        return c.texts[self.r.choice(stock)]

    def picture(self) -> tuple[Picture, Scene] | None:
        if not self.catalogue.pictures:
            return None
        # The oldest quarter may be replaced before it is trained on.
        p = self.catalogue.pictures[self.r.randrange(len(self.catalogue.pictures) // 4, len(self.catalogue.pictures))]
        return p, p.scene

    # -- tokens

    def encode(self, text: str) -> list[int]:
        if len(text) > 60:
            return self.tokenizer.encode(text, add_special_tokens=False).ids
        if text not in self._known:
            self._known[text] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return self._known[text]

    def encode_answer(self, text: str) -> list[int]:
        """As encode, but what was read from a picture letter by letter: pieces of words cannot be seen."""
        read = READ.search(text)
        if read is None:
            return self.encode(text)
        first, last = read.span(2)
        letters = [i for c in text[first:last] for i in self.encode(c)]
        return self.encode(text[:first]) + letters + self.encode(text[last:])

    def sample(self) -> Sample:
        d = dialog(self.r, self)
        s = Sample([SPECIALS["bos"]], [0])
        for piece in pieces(d):
            self._put(s, d, piece)
        return s

    def _put(self, s: Sample, d: Dialog, piece: Piece) -> None:
        def add(ids: list[int], learned: bool = False) -> None:
            s.ids.extend(ids)
            s.learned.extend([int(learned)] * len(ids))
        if piece.kind == "turn_start":
            add([SPECIALS["turn"]] + self.encode(piece.text + "\n"))
        elif piece.kind == "turn_end":
            add([SPECIALS["end"]], piece.learned)
            add(self.encode("\n"))
        elif piece.kind == "picture":
            p = piece.turn.picture
            s.pictures.append(p)
            add([SPECIALS["boi"]] + [SPECIALS["image"]] * (p.grid[0] * p.grid[1] // 9) + [SPECIALS["eoi"]])
        elif piece.kind == "clip":
            self._say(s, piece, add)
        else:
            add(self.encode_answer(piece.text) if piece.learned else self.encode(piece.text), piece.learned)

    def _say(self, s: Sample, piece: Piece, add) -> None:
        """What the user says: a clip where there is one, else as typed."""
        turn, r = piece.turn, self.r
        clip = self._clip_for(turn)
        typed_first = r.chance(0.5)
        if turn.typed and typed_first:
            add(self.encode(turn.typed))
        if clip is None:
            text = written(turn.user) if turn.must_speak else turn.user
            if turn.sound != "speech":
                text = "".join(r.choice("bcdfghklmnprstvwz aeiou") for _ in range(r.randint(3, 20)))
            add(self.encode(text if r.chance(0.8) else text.lower().rstrip(".?")))
        else:
            cut = self._cut(clip)
            s.cuts.append(cut)
            add([SPECIALS["boa"]] + [SPECIALS["audio"]] * token_count(cut.length) + [SPECIALS["eoa"]])
        if turn.typed and not typed_first:
            add(self.encode(turn.typed))

    def _clip_for(self, turn) -> int | None:
        """Number of a clip, -1 for silence, None for typing."""
        c, r = self.catalogue, self.r
        if turn.sound == "silence":
            return -1
        if turn.sound == "noise":
            return r.choice(c.noises) if c.noises and r.chance(0.9) else None
        if turn.user not in c.by_text or not (turn.must_speak or r.chance(0.8)):
            return None
        neural = c.neural.get(turn.user)
        return r.choice(neural if neural and r.chance(self.neural_share) else c.by_text[turn.user])

    def _cut(self, clip: int) -> Cut:
        """Silence around the speech: mostly short, sometimes up to ten seconds."""
        r = self.r
        speed = r.uniform(0.78, 1.22) if r.chance(0.7) else 1.0
        body = int(self.catalogue.lengths[clip] / speed) if clip >= 0 else 0
        lead = r.uniform(0, 0.4) if r.chance(0.9) else r.uniform(0.4, 3) if r.chance(0.75) else r.uniform(3, 10)
        tail = r.weighted({(0.05, 0.5): 60, (0.5, 2): 20, (2, 5): 9, (5, 8): 4, (8, 11): 7})
        return Cut(clip, speed, int(lead * RATE), body + int(lead * RATE) + int(r.uniform(*tail) * RATE) + (clip < 0) * RATE // 2)

    # -- rows

    def batch(self, shape: RowShape) -> dict[str, np.ndarray]:
        """As many dialogues as fit."""
        filled = Filled(shape)
        failures = 0
        while failures < 80:
            s = self.sample()
            if any(c.length > LONGEST_CLIP for c in s.cuts) or not filled.add(s):
                failures += 1
        return filled.arrays(self)


class Filled:
    """Rows that are being filled."""

    def __init__(self, shape: RowShape):
        self.shape = shape
        self.rows: list[list[tuple[Sample, list]]] = [[] for _ in range(shape.rows)]
        self.length = [0] * shape.rows
        self.frames = [0] * shape.audio_rows
        self.pictures = 0

    def add(self, s: Sample) -> bool:
        """Put a dialogue where there is room for all of it."""
        row = next((i for i, n in enumerate(self.length) if n + len(s.ids) <= self.shape.tokens), None)
        if row is None or self.pictures + len(s.pictures) > self.shape.pictures:
            return False
        before, places = list(self.frames), []
        for cut in s.cuts:
            frames = frame_count(cut.length)
            need = (frames + 3) // 4 * 4 + GAP
            line = next((i for i, n in enumerate(self.frames) if n + need <= self.shape.frames), None)
            if line is None:
                self.frames = before
                return False
            places.append((line, self.frames[line], frames))
            self.frames[line] += need
        self.rows[row].append((s, places))
        self.length[row] += len(s.ids)
        self.pictures += len(s.pictures)
        return True

    def arrays(self, maker: Maker) -> dict[str, np.ndarray]:
        sh = self.shape
        ids, learned, segment = (np.zeros((sh.rows, sh.tokens), np.int64) for _ in range(3))
        cuts, pictures, audio_rows, vision_rows, first_token = [], [], [], [], []
        for i, row in enumerate(self.rows):
            at = 0
            for k, (s, places) in enumerate(row):
                end = at + len(s.ids)
                ids[i, at:end], learned[i, at:end], segment[i, at:end] = s.ids, s.learned, k + 1
                at = end
                for c, (line, frame, frames) in zip(s.cuts, places):
                    cuts.append((c.clip, c.speed, c.lead, c.length, line, frame, frames))
                    first_token.append((line * sh.frames + frame) // 4)
                    audio_rows.append(first_token[-1] + np.arange((frames + 3) // 4))
                for p in s.pictures:
                    vision_rows.append(len(pictures) * MOST_SOFT + np.arange(p.grid[0] * p.grid[1] // 9))
                    pictures.append(p)
        joined = lambda parts: np.concatenate(parts) if parts else np.zeros(0, np.int64)
        texts = maker.catalogue.texts
        labels = [maker.pieces(texts[c[0]] if c[0] >= 0 else "") for c in cuts]
        seen = [maker.labels.of(p.scene, p.grid) for p in pictures]
        letters = [maker.labels.letters(p.scene, p.grid) for p in pictures]
        return dict(
            ids=ids, learned=learned, segment=segment, cuts=np.array(cuts, np.float64).reshape(-1, 7),
            pictures=np.array([p.serial for p in pictures], np.int64), audio_rows=joined(audio_rows),
            vision_rows=joined(vision_rows), first_token=np.array(first_token, np.int64),
            ctc=np.array([x for l in labels for x in l], np.int64), ctc_lengths=np.array([len(l) for l in labels], np.int64),
            seen=np.stack(seen) if seen else np.zeros((0, 2, MOST_SOFT), np.int64),
            letters=np.stack(letters).astype(np.int8) if letters else np.zeros((0, MOST_SOFT, LETTER_CELLS), np.int8),
            dialogs=np.array(sum(len(row) for row in self.rows)),
        )
