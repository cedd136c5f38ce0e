"""Draws a scene. `python -m pictures.paint ASSETS OUT.png` draws a sheet of examples."""
from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

import splits

from .backgrounds import Colour, Photo, background
from .camera import take
from .letters import Print
from .scene import COLOURS, Scene, Scenes, Thing
from .shapes import hand, shape
from .styles import restyle

PATCH = 16
# widths and heights in patches: what the processor makes of pictures of 1:1, 4:3, 3:4 and 16:9
GRIDS = [(24, 24), (27, 21), (21, 27), (33, 18)]
MOST_PATCHES = 594


def distance(a: Colour, b: Colour) -> float:
    return sum((x - y) ** 2 for x, y in zip(a, b)) ** 0.5


@dataclass
class Materials:
    """What pictures are made of, for training or for evaluation."""

    names: list[str]
    icons: np.ndarray  # (names, styles, 112, 112, 4)
    styles: list[int]
    fonts: list[str]
    photos: list[Photo]

    @classmethod
    def load(cls, assets: Path, held: bool = False, held_style: bool = False) -> "Materials":
        """`held`: fonts and photographs of the evaluation; `held_style`: its icons too."""
        z = np.load(assets / "icons.npz")
        count = len(splits.STYLES)
        styles = [count + i for i in range(len(splits.HELD_STYLES))] if held_style else list(range(count))
        fonts = sorted(str(p) for p in (assets / ("fonts-held" if held else "fonts")).iterdir())
        stored = np.load(assets / "photos.npz")
        names = splits.HELD_PHOTOS if held else splits.PHOTOS
        photos = [(stored[n], n in splits.BUSY_PHOTOS) for n in names if n in stored]
        return cls([str(n) for n in z["names"]], z["icons"], styles, fonts, photos)


class Painter:
    """Draws scenes with these materials; all that is random comes from `r`."""

    def __init__(self, materials: Materials, r: Random, restyle: bool = False):
        """`restyle`: icons also in styles made of those of the materials, for training."""
        self.m, self.r, self.restyle = materials, r, restyle
        self._row = {n: i for i, n in enumerate(materials.names)}
        self._has = materials.icons[..., 3].max((2, 3)) > 0

    def paint(self, scene: Scene, grid: tuple[int, int] | None = None, camera: float = 1.0) -> Image.Image:
        """The picture, its sides whole patches. `camera`: how much of a webcam it is."""
        r = self.r
        columns, rows = grid or r.choice(GRIDS)
        image, mean = background(r, (columns * PATCH, rows * PATCH), self.m.photos)
        if scene.kind == "text":
            drawn = self._write(image, mean, scene.text)
            seen, lens = take(r, image, camera)
            scene.letters = drawn.grid(*seen.size, PATCH, lens)
            return seen
        style = self._style(scene.things[0].name) if scene.things and scene.things[0].kind == "icon" else 0
        for thing in scene.things:
            self._place(image, scene, thing, style)
        return take(r, image, camera)[0]

    def _style(self, name: str) -> int:
        """A style that has this icon."""
        have = [s for s in self.m.styles if self._has[self._row[name], s]]
        return self.r.choice(have)

    def _icon(self, name: str, style: int, size: int) -> Image.Image:
        if not self._has[self._row[name], style]:
            style = self._style(name)
        image = Image.fromarray(self.m.icons[self._row[name], style])
        if style < len(splits.STYLES) and splits.STYLES[style].endswith("high-contrast"):  # black lines: any dark colour
            image = ImageChops.add(image, Image.new("RGBA", image.size, tuple(self.r.randint(0, 110) for _ in range(3)) + (0,)))
        if self.restyle:
            image = restyle(self.r, image)
        image = image.resize((size, size), Image.BICUBIC)
        return image.transpose(Image.FLIP_LEFT_RIGHT) if self.r.random() < 0.3 else image

    def _place(self, image: Image.Image, scene: Scene, thing: Thing, style: int) -> None:
        r, (width, height) = self.r, image.size
        alone = scene.alone()
        cell_w, cell_h = width / 3, height / 3
        if alone:
            size = int(min(width, height) * r.uniform(0.35, 0.95))
            x, y = (width - size) / 2 + r.uniform(-0.06, 0.06) * width, (height - size) / 2 + r.uniform(-0.06, 0.06) * height
        else:
            size = int(min(cell_w, cell_h) * r.uniform(0.62, 0.98))
            x = thing.cell[1] * cell_w + (cell_w - size) / 2 + r.uniform(-0.04, 0.04) * cell_w
            y = thing.cell[0] * cell_h + (cell_h - size) / 2 + r.uniform(-0.04, 0.04) * cell_h
        x, y = int(x), int(y)
        if thing.kind == "icon":
            own = style if scene.kind == "count" or r.random() < 0.7 else self._style(thing.name)
            drawn = self._icon(thing.name, own, size)
        else:
            drawn = shape(r, thing.name, thing.colour, size)
        if r.random() < 0.6 and thing.name not in ("square", "diamond"):
            drawn = drawn.rotate(r.uniform(-16, 16), Image.BICUBIC)
        if scene.held:
            hand(r, image, x, y, size)
        self._make_visible(image, thing, drawn, x, y, size)
        image.paste(drawn, (x, y), drawn)

    def _make_visible(self, image: Image.Image, thing: Thing, drawn: Image.Image, x: int, y: int, size: int) -> None:
        """A card behind things that would not stand out."""
        around = image.crop((max(0, x), max(0, y), x + size, y + size)).resize((1, 1), Image.BOX).getpixel((0, 0))
        if thing.kind == "shape":
            own, least = COLOURS[thing.colour], 110
        else:
            a = np.asarray(drawn, np.float32)
            weight = a[..., 3:].sum() + 1e-6
            own, least = tuple((a[..., :3] * a[..., 3:]).sum((0, 1)) / weight), 60
        if distance(own, around) < least:
            light = sum(own) > 380
            card = (40, 40, 40) if light else (255, 255, 255)
            ImageDraw.Draw(image).rectangle([x - 5, y - 5, x + size + 5, y + size + 5], fill=card)

    def _write(self, image: Image.Image, mean: Colour, text: str) -> Print:
        """Printed words: straight on the background or on a label."""
        r, (width, height) = self.r, image.size
        path, points = r.choice(self.m.fonts), 200
        while True:
            font = ImageFont.truetype(path, points)
            left, top, right, bottom = font.getbbox(text)
            if right - left < width * 0.9 and bottom - top < height * 0.8:
                break
            points = int(points * 0.9)
        points = max(22, int(points * r.uniform(0.45, 1)))
        font = ImageFont.truetype(path, points)
        left, top, right, bottom = font.getbbox(text)
        label = r.random() < 0.4
        back = tuple(r.randint(0, 255) for _ in range(3)) if label else mean
        ink = self._ink(back)
        layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
        x = r.uniform(0, max(1, width - (right - left) - 4))
        y = r.uniform(0, max(1, height - (bottom - top) - 4))
        draw = ImageDraw.Draw(layer)
        if label:
            draw.rectangle([x - 12, y - 12, x + right - left + 12, y + bottom - top + 12], fill=back + (255,))
        outline = {} if label or r.random() < 0.5 else {"stroke_width": 2, "stroke_fill": self._ink(ink)}
        draw.text((x - left, y - top), text, font=font, fill=ink + (255,), **outline)
        ends = [x - left + font.getlength(text[:i]) for i in range(len(text) + 1)]
        drawn = Print(list(zip(text, ends, ends[1:])), y, y + bottom - top)
        if r.random() < 0.6:
            drawn.angle = r.uniform(-10, 10)
            layer = layer.rotate(drawn.angle, Image.BICUBIC)
        image.paste(layer, (0, 0), layer)
        return drawn

    def _ink(self, back: Colour) -> Colour:
        """A colour that can be read on `back`."""
        r = self.r
        for _ in range(20):
            random = tuple(r.randint(0, 255) for _ in range(3))
            ink = random if r.random() < 0.5 else r.choice([(0, 0, 0), (255, 255, 255), (200, 0, 0), (0, 0, 180)])
            if distance(ink, back) > 150:
                return ink
        return (0, 0, 0) if sum(back) > 380 else (255, 255, 255)


def patches(image: Image.Image) -> np.ndarray:
    """(patches, 768) bytes, row by row, as the vision tower takes them."""
    a = np.asarray(image.convert("RGB"))
    h, w, _ = a.shape
    return a.reshape(h // PATCH, PATCH, w // PATCH, PATCH, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 768)


def sheet(assets: Path, out: Path, seed: int, held: bool) -> None:
    """48 pictures on one."""
    import json

    r = Random(seed)
    materials = Materials.load(assets, held, held)
    words = json.loads((assets / "texts.json").read_text())["picture_words"]
    scenes, painter = Scenes(materials.names, words), Painter(materials, r, not held)
    page = Image.new("RGB", (8 * 200, 6 * 160), "white")
    for i in range(48):
        picture = painter.paint(scenes(r))
        picture.thumbnail((196, 156))
        page.paste(picture, (i % 8 * 200, i // 8 * 160))
    page.save(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held", action="store_true", help="fonts, photographs and icons of the evaluation")
    args = parser.parse_args()
    sheet(args.assets, args.out, args.seed, args.held)


if __name__ == "__main__":
    main()
