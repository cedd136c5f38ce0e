"""Plain coloured shapes and a hand."""
from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageDraw

from .backgrounds import near
from .scene import COLOURS


def star_points(centre: float, corners: int, outer: float, inner: float | None = None) -> list[tuple[float, float]]:
    """Corners of a regular polygon, or of a star if every second one is nearer."""
    points = []
    for i in range(corners):
        radius = inner if inner is not None and i % 2 else outer
        angle = i * 2 * math.pi / corners
        points.append((centre + radius * math.sin(angle), centre - radius * math.cos(angle)))
    return points


def shape(r: Random, name: str, colour: str, size: int) -> Image.Image:
    """A shape in about the named colour, transparent around."""
    s = size * 2
    image = Image.new("RGBA", (s, s), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    fill = near(r, COLOURS[colour], 22) + (255,)
    low, high, mid, radius = s * 0.06, s * 0.94, s / 2, s * 0.46
    if name == "circle":
        draw.ellipse([low, low, high, high], fill=fill)
    elif name == "ring":
        draw.ellipse([low, low, high, high], outline=fill, width=int(s * 0.14))
    elif name == "square":
        draw.rectangle([low, low, high, high], fill=fill)
    elif name == "rectangle":
        flat = [low, s * 0.27, high, s * 0.73]
        draw.rectangle(flat if r.random() < 0.5 else flat[1:2] + flat[0:1] + flat[3:] + flat[2:3], fill=fill)
    elif name == "triangle":
        draw.polygon(star_points(mid, 3, radius), fill=fill)
    elif name == "diamond":
        draw.polygon([(mid, low), (s * 0.82, mid), (mid, high), (s * 0.18, mid)], fill=fill)
    elif name == "hexagon":
        draw.polygon(star_points(mid, 6, radius), fill=fill)
    elif name == "star":
        draw.polygon(star_points(mid, 10, radius, radius * 0.42), fill=fill)
    elif name == "cross":
        draw.rectangle([s * 0.36, low, s * 0.64, high], fill=fill)
        draw.rectangle([low, s * 0.36, high, s * 0.64], fill=fill)
    elif name == "heart":
        draw.pieslice([low, s * 0.12, mid + s * 0.03, s * 0.12 + mid - low], 150, 360, fill=fill)
        draw.pieslice([mid - s * 0.03, s * 0.12, high, s * 0.12 + mid - low], 180, 390, fill=fill)
        draw.polygon([(low + s * 0.01, s * 0.40), (mid, high), (high - s * 0.01, s * 0.40), (mid, s * 0.3)], fill=fill)
    else:
        raise ValueError(f"shape {name!r}")
    return image.resize((size, size), Image.LANCZOS)


SKIN = [(255, 219, 172), (241, 194, 125), (224, 172, 105), (198, 134, 66), (141, 85, 36), (92, 58, 30)]


def hand(r: Random, image: Image.Image, x: int, y: int, size: int) -> None:
    """An arm from an edge to the thing, and fingers around its lower rim."""
    skin = near(r, r.choice(SKIN), 12)
    draw = ImageDraw.Draw(image)
    grip = (x + size * r.uniform(0.3, 0.7), y + size * r.uniform(0.85, 1.0))
    start = (grip[0] + r.uniform(-0.8, 0.8) * size, image.height + 40)
    draw.line([start, grip], fill=skin, width=int(size * r.uniform(0.25, 0.4)))
    radius = size * r.uniform(0.16, 0.24)
    draw.ellipse([grip[0] - radius, grip[1] - radius, grip[0] + radius, grip[1] + radius], fill=skin)
    for k in range(r.randint(2, 4)):
        fx = grip[0] + (k - 1.5) * radius * 0.8
        tip = (fx + r.uniform(-4, 4), grip[1] - radius * r.uniform(0.7, 1.5))
        draw.line([(fx, grip[1]), tip], fill=near(r, skin, 10), width=max(3, int(radius * 0.45)))
