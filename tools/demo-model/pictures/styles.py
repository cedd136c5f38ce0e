"""Icons in further styles of drawing, made of those there are, so that an icon is known by its form."""
from __future__ import annotations

from random import Random

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps


def flat(r: Random, rgb: Image.Image) -> Image.Image:
    """Few colours without shades."""
    return rgb.filter(ImageFilter.MedianFilter(5)).quantize(r.randint(3, 7), Image.Quantize.MEDIANCUT, dither=0).convert("RGB")


def contour(r: Random, rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """A mask of the lines around the icon and between its colours."""
    least = r.randint(20, 60)
    inside = rgb.convert("L").filter(ImageFilter.FIND_EDGES).point(lambda v: 255 if v > least else 0)
    inside = ImageChops.multiply(inside, alpha.filter(ImageFilter.MinFilter(5)))
    wide = r.choice([3, 3, 5])
    around = ImageChops.subtract(alpha.filter(ImageFilter.MaxFilter(3)), alpha.filter(ImageFilter.MinFilter(wide)))
    return ImageChops.lighter(inside.filter(ImageFilter.MaxFilter(3)) if r.random() < 0.5 else inside, around)


def restyle(r: Random, icon: Image.Image) -> Image.Image:
    """RGBA to RGBA: flat, with contours, as a line drawing, in other or no colours; often as it is."""
    kind = r.choices(["same", "flat", "contour", "lines", "gray", "tint"], [35, 10, 30, 8, 5, 12])[0]
    if kind == "same":
        return icon
    rgb, alpha = icon.convert("RGB"), icon.getchannel("A")
    if kind == "gray":
        rgb = ImageOps.grayscale(rgb).convert("RGB")
    elif kind == "tint":
        turn = r.randint(-14, 14)
        hue, saturation, value = rgb.convert("HSV").split()
        rgb = Image.merge("HSV", (hue.point(lambda v: (v + turn) % 256), saturation, value)).convert("RGB")
        rgb = ImageEnhance.Color(rgb).enhance(r.uniform(0.4, 1.6))
    else:
        plain = flat(r, rgb)
        lines = None if kind == "flat" else contour(r, plain, alpha)
        if kind == "lines":
            plain = Image.new("RGB", rgb.size, (255, 255, 255))
        elif r.random() < 0.5:
            plain = ImageEnhance.Brightness(plain).enhance(r.uniform(0.9, 1.4))
        rgb = plain
        if lines is not None:
            rgb.paste(tuple(r.randint(0, 50) for _ in range(3)), (0, 0), lines)
            alpha = ImageChops.lighter(alpha, lines)
    return Image.merge("RGBA", (*rgb.split(), alpha))
