"""What lies behind things: plain walls, gradients, scribbles, tables, photographs, rooms."""
from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Photo = tuple[np.ndarray, bool]  # pixels, whether it shows something one could name


def clamp(x: float) -> int:
    return max(0, min(255, int(x)))


def near(r: Random, colour: Colour, by: int) -> Colour:
    """A colour at most `by` away in each part."""
    return tuple(clamp(c + r.randint(-by, by)) for c in colour)


def random_colour(r: Random) -> Colour:
    if r.random() < 0.35:
        return (r.choice([255, 245, 230, 200, 60, 20]),) * 3
    return tuple(r.randint(0, 255) for _ in range(3))


def gradient(r: Random, size: tuple[int, int]) -> Image.Image:
    base = random_colour(r)
    ramp = Image.linear_gradient("L").rotate(r.choice([0, 90, 180, 270])).resize(size)
    return Image.composite(Image.new("RGB", size, near(r, base, 60)), Image.new("RGB", size, base), ramp)


def plain(r: Random, size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, random_colour(r))


def scribbles(r: Random, size: tuple[int, int]) -> Image.Image:
    base = random_colour(r)
    image = Image.new("RGB", size, base)
    draw = ImageDraw.Draw(image)
    point = lambda: (r.randint(0, size[0]), r.randint(0, size[1]))
    for _ in range(r.randint(3, 14)):
        draw.line([point(), point()], fill=near(r, base, 35), width=r.randint(1, 5))
    return image


def room(r: Random, size: tuple[int, int]) -> Image.Image:
    """A wall, a floor or table, and blocks of furniture out of focus."""
    width, height = size
    image = gradient(r, size)
    draw = ImageDraw.Draw(image)
    line = int(height * r.uniform(0.5, 0.9))
    draw.rectangle([0, line, width, height], fill=random_colour(r))
    for _ in range(r.randint(0, 6)):
        x, w, h = r.randint(-40, width), r.randint(20, width // 2), r.randint(20, height // 2)
        draw.rectangle([x, line - h, x + w, line + r.randint(0, 30)], fill=near(r, random_colour(r), 20))
    return image.filter(ImageFilter.GaussianBlur(r.uniform(1, 7)))


def texture(r: Random, size: tuple[int, int]) -> Image.Image:
    """Noise of several sizes in two colours: cloth, stone, wood."""
    width, height = size
    g = np.random.default_rng(r.getrandbits(32))
    total = np.zeros((height, width), np.float32)
    for _ in range(3):
        cells = (r.randint(2, 60), r.randint(2, 60))
        layer = Image.fromarray(g.random((cells[1], cells[0]), np.float32) * 255).resize(size, Image.BICUBIC)
        total += np.asarray(layer) * r.random()
    mix = ((total - total.min()) / (np.ptp(total) + 1e-6))[..., None]
    first, second = random_colour(r), random_colour(r)
    second = tuple((3 * a + b) // 4 for a, b in zip(first, second))
    return Image.fromarray((mix * np.array(first) + (1 - mix) * np.array(second)).astype(np.uint8))


def photograph(r: Random, size: tuple[int, int], photos: list[Photo]) -> Image.Image:
    """A part of a photograph, changed in colour, mostly out of focus."""
    stored, busy = r.choice(photos)
    image = Image.fromarray(stored)
    w, h = image.size
    part = r.uniform(0.4, 1.0)
    pw, ph = int(w * part), int(h * part)
    x, y = r.randint(0, w - pw), r.randint(0, h - ph)
    image = image.crop((x, y, x + pw, y + ph)).resize(size, Image.BICUBIC)
    if r.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    if r.random() < 0.3:
        channels = list(image.split())
        r.shuffle(channels)
        image = Image.merge("RGB", channels)
    if busy:
        image = image.filter(ImageFilter.GaussianBlur(r.uniform(5, 14)))
    elif r.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(r.uniform(1, 8)))
    return image


def background(r: Random, size: tuple[int, int], photos: list[Photo]) -> tuple[Image.Image, Colour]:
    """A picture and its mean colour."""
    kinds = {plain: 28, gradient: 18, scribbles: 14, room: 14, texture: 8}
    kind = r.choices([*kinds, photograph], [*kinds.values(), 18 if photos else 0])[0]
    image = photograph(r, size, photos) if kind is photograph else kind(r, size)
    return image, image.resize((1, 1), Image.BOX).getpixel((0, 0))
