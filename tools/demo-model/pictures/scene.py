"""What a picture shows, before it is drawn."""
from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

COLOURS = {
    "red": (215, 35, 35), "green": (40, 160, 60), "blue": (35, 70, 215), "yellow": (245, 215, 40),
    "orange": (245, 135, 25), "purple": (130, 50, 170), "pink": (245, 130, 180), "brown": (120, 72, 35),
    "black": (20, 20, 20), "white": (248, 248, 248), "gray": (128, 128, 128), "cyan": (50, 205, 220),
}
COLOUR_NAMES = list(COLOURS)
SHAPES = "circle square triangle star rectangle cross diamond ring heart hexagon".split()
# the picture is divided into nine cells, (row, column)
POSITIONS = {
    (0, 0): "top left", (0, 1): "top", (0, 2): "top right",
    (1, 0): "left", (1, 1): "middle", (1, 2): "right",
    (2, 0): "bottom left", (2, 1): "bottom", (2, 2): "bottom right",
}
CELLS = list(POSITIONS)


@dataclass(frozen=True)
class Thing:
    """One object: an icon by name, or a shape with a colour."""

    kind: str  # "icon" or "shape"
    name: str
    colour: str | None
    cell: tuple[int, int]


@dataclass
class Scene:
    """kind: icons, shapes, count (several of the same), text or empty."""

    kind: str
    things: list[Thing] = field(default_factory=list)
    text: str = ""
    held: bool = False  # one thing held into the camera: a hand or an arm may be seen with it
    letters: object = None  # of printed text, once it is drawn: pictures.letters.Print.grid

    def in_order(self) -> list[Thing]:
        """Row by row, left to right."""
        return sorted(self.things, key=lambda t: t.cell)

    def alone(self) -> bool:
        """One thing in the middle, which may be large."""
        return len(self.things) == 1 and self.things[0].cell == (1, 1)


class Scenes:
    """Makes scenes of the icons and words that it is given."""

    def __init__(self, icon_names: list[str], words: list[str], drill: bool = False):
        """`drill`: for training, with more of what is hard: words that cannot be guessed, several of a thing."""
        self.icon_names, self.words, self.drill = icon_names, words, drill

    def __call__(self, r: Random) -> Scene:
        kinds = [self.icons, self.counted_icons, self.shapes, self.counted_shapes, self.text, self.empty]
        return r.choices(kinds, [33, 11, 16, 6, 32, 2] if self.drill else [36, 9, 17, 6, 30, 2])[0](r)

    def icons(self, r: Random) -> Scene:
        n = r.choices([1, 2, 3], [6, 3, 1])[0]
        cells = [(1, 1)] if n == 1 and r.random() < 0.7 else r.sample(CELLS, n)
        things = [Thing("icon", name, None, cell) for name, cell in zip(r.sample(self.icon_names, n), cells)]
        scene = Scene("icons", things)
        scene.held = scene.alone() and r.random() < 0.4
        return scene

    def counted_icons(self, r: Random) -> Scene:
        name = r.choice(self.icon_names)
        return Scene("count", [Thing("icon", name, None, c) for c in r.sample(CELLS, r.randint(2, 6))])

    def shapes(self, r: Random) -> Scene:
        n = r.choices([1, 2, 3], [5, 4, 2])[0]
        cells = [(1, 1)] if n == 1 and r.random() < 0.5 else r.sample(CELLS, n)
        every = [(s, c) for s in SHAPES for c in COLOUR_NAMES]
        return Scene("shapes", [Thing("shape", s, c, cell) for (s, c), cell in zip(r.sample(every, n), cells)])

    def counted_shapes(self, r: Random) -> Scene:
        shape, colour = r.choice(SHAPES), r.choice(COLOUR_NAMES)
        return Scene("count", [Thing("shape", shape, colour, c) for c in r.sample(CELLS, r.randint(2, 6))])

    def text(self, r: Random) -> Scene:
        """A number, a word, rarely two words."""
        kind = r.choices(["number", "word", "letters", "words", "drill"], [28, 42, 8, 10, 12] if self.drill else [40, 42, 8, 10, 0])[0]
        if kind == "number":
            digits = r.choice([1, 2, 2, 3, 3, 4, 4, 5])
            return Scene("text", text=str(r.randint(0 if digits == 1 else 10 ** (digits - 1), 10**digits - 1)))
        if kind == "letters":  # made-up words: what stands there must be read, not guessed
            word = "".join(r.choice("bcdfghklmnprstvwz") + r.choice("aeiou") for _ in range(r.randint(1, 4)))
        elif kind == "drill":
            word = "".join(r.choice("aeiouabcdefghijklmnopqrstuvwxyz") for _ in range(r.randint(2, 8)))
        else:
            word = r.choice(self.words)
            if kind == "words":
                word += " " + r.choice(self.words)
        return Scene("text", text=r.choice([word.upper(), word.capitalize(), word]))

    def empty(self, r: Random) -> Scene:
        return Scene("empty")
