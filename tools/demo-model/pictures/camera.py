"""From a drawing to what a webcam delivers: perspective, blur, exposure, colour, JPEG, noise."""
from __future__ import annotations

import io
from random import Random

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


def perspective(r: Random, image: Image.Image, strength: float) -> tuple[Image.Image, tuple[float, ...]]:
    """Seen from a little aside, and the coefficients that lead from places in the result to places in `image`."""
    w, h = image.size
    moved = lambda x, y: (x + r.uniform(-strength, strength) * w, y + r.uniform(-strength, strength) * h)
    source = [(0, 0), (w, 0), (w, h), (0, h)]
    target = [moved(x, y) for x, y in source]
    rows = []
    for (x, y), (u, v) in zip(source, target):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    coefficients = np.linalg.solve(np.array(rows, float), np.array(target, float).reshape(-1))
    border = image.resize((1, 1), Image.BOX).getpixel((0, 0))
    seen = image.transform((w, h), Image.PERSPECTIVE, tuple(coefficients), Image.BILINEAR, fillcolor=border)
    return seen, tuple(coefficients)


def motion(r: Random, image: Image.Image) -> Image.Image:
    """A moving hand."""
    n = r.choice([3, 5])
    kernel = [0.0] * (n * n)
    for i in range(n):
        kernel[(i * n + i) if r.random() < 0.3 else ((n // 2) * n + i)] += 1.0
    return image.filter(ImageFilter.Kernel((n, n), kernel, scale=sum(kernel)))


def small_sensor(r: Random, image: Image.Image) -> Image.Image:
    """Fewer pixels."""
    w, h = image.size
    k = r.uniform(0.35, 0.8)
    return image.resize((int(w * k), int(h * k)), Image.BILINEAR).resize((w, h), Image.BICUBIC)


def jpeg(r: Random, image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=r.randint(25, 85))
    return Image.open(buffer).convert("RGB")


def vignette(r: Random, image: Image.Image) -> Image.Image:
    """Darker corners."""
    depth = r.uniform(0.2, 0.6)
    dark = Image.radial_gradient("L").resize(image.size).point(lambda v: int(v * depth))
    return Image.composite(Image.new("RGB", image.size), image, dark)


def light(r: Random, image: Image.Image) -> Image.Image:
    """Exposure, contrast, saturation and white balance."""
    image = ImageEnhance.Brightness(image).enhance(r.uniform(0.55, 1.4))
    image = ImageEnhance.Contrast(image).enhance(r.uniform(0.6, 1.3))
    image = ImageEnhance.Color(image).enhance(r.uniform(0.6, 1.3))
    gains = np.array([r.uniform(0.9, 1.1) for _ in range(3)], np.float32)
    return Image.fromarray(np.clip(np.asarray(image) * gains, 0, 255).astype(np.uint8))


def take(r: Random, image: Image.Image, strength: float = 1.0) -> tuple[Image.Image, tuple[float, ...] | None]:
    """What the camera makes of the drawing, with strength 0 the drawing itself; and the perspective, if there is one."""
    likely = lambda p: r.random() < p * strength
    lens = None
    if likely(0.4):
        image, lens = perspective(r, image, 0.07)
    if likely(0.25):
        image = image.filter(ImageFilter.GaussianBlur(r.uniform(0.4, 1.8)))
    if likely(0.1):
        image = motion(r, image)
    if likely(0.2):
        image = small_sensor(r, image)
    if likely(0.45):
        image = light(r, image)
    if likely(0.15):
        image = vignette(r, image)
    if likely(0.35):
        image = jpeg(r, image)
    if likely(0.35):
        g = np.random.default_rng(r.getrandbits(32))
        grain = g.standard_normal((image.height, image.width, 3), np.float32) * r.uniform(2, 14)
        image = Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))
    return image, lens
