"""Pictures' raw material: icons as bitmaps, photographs, fonts. `python -m pictures.collect WORK` fills WORK/assets."""
from __future__ import annotations

import argparse
import io
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

import splits

ICON_SIZE = 112
PHOTO_SIZE = (400, 300)
# names of the sets; "ewe:sheep" is called a sheep, underscores and hyphens are blanks. Heart, star and ring are
# left out: they are shapes
ICONS = """
cat dog mouse rabbit fox bear panda koala tiger lion cow pig frog monkey chicken penguin bird duck owl bat
horse unicorn honeybee:bee bug butterfly snail lady-beetle:ladybug ant spider turtle snake octopus shrimp
lobster crab fish dolphin whale crocodile zebra elephant camel giraffe kangaroo ewe:sheep goat rooster swan
flamingo parrot chipmunk:squirrel hedgehog cactus palm-tree evergreen-tree:pine_tree mushroom tulip rose
sunflower maple-leaf red-apple:apple pear lemon banana watermelon grapes strawberry cherries peach
pineapple coconut tomato avocado broccoli cucumber hot-pepper carrot onion potato bread croissant pretzel
cheese-wedge:cheese cooking:fried_egg pancakes hamburger french-fries pizza hot-dog sandwich taco popcorn
soft-ice-cream:ice_cream doughnut cookie birthday-cake pie lollipop hot-beverage:cup_of_coffee teapot
beer-mug:beer wine-glass:glass_of_wine automobile:car taxi bus police-car ambulance fire-engine
delivery-truck:truck tractor bicycle motorcycle locomotive:train airplane:plane helicopter rocket sailboat
ship anchor house castle tent factory watch mobile-phone laptop keyboard computer-mouse printer camera
television radio telephone battery light-bulb flashlight candle open-book:book newspaper envelope
package:parcel pencil pen scissors straight-ruler:ruler paperclip key locked:lock hammer wrench screwdriver
axe gear magnet ladder bell alarm-clock umbrella balloon wrapped-gift:gift trophy soccer-ball:football
basketball tennis teddy-bear guitar violin trumpet drum microphone headphone:headphones t-shirt jeans dress
necktie:tie socks gloves scarf running-shoe:shoe top-hat:hat crown backpack handbag glasses sunglasses
sun full-moon crescent-moon:moon cloud rainbow snowflake snowman fire droplet:drop_of_water
eye ear nose foot bone robot ghost skull alien jack-o-lantern:pumpkin thumbs-up chair bed
door toilet bathtub broom basket bucket soap toothbrush spoon fork-and-knife credit-card
globe-showing-europe-africa:globe compass telescope microscope pill syringe thermometer money-bag
""".split()
KEEP_HYPHEN = {"t-shirt": "t-shirt"}


def icon_names() -> dict[str, str]:
    """Name in the sets -> what it is called."""
    names = {}
    for entry in ICONS:
        slug, _, called = entry.partition(":")
        names[slug] = KEEP_HYPHEN.get(slug, (called or slug).replace("_", " ").replace("-", " "))
    return names


def render(svg_set: dict, slug: str) -> np.ndarray | None:
    """One icon of an iconify set as RGBA, or None if the set lacks it."""
    import resvg_py

    if slug not in svg_set["icons"]:
        slug = svg_set.get("aliases", {}).get(slug, {}).get("parent", slug)
    icon = svg_set["icons"].get(slug)
    if icon is None:
        return None
    width, height = (icon.get(k, svg_set.get(k, 16)) for k in ("width", "height"))
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
           f'viewBox="{icon.get("left", 0)} {icon.get("top", 0)} {width} {height}" '
           f'width="{ICON_SIZE}" height="{ICON_SIZE}">{icon["body"]}</svg>')
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg))
    image = Image.open(io.BytesIO(png)).convert("RGBA").resize((ICON_SIZE, ICON_SIZE), Image.BICUBIC)
    return np.asarray(image)


def collect_icons(work: Path) -> None:
    """icons.npz: names (N), icons (N, styles, 112, 112, 4); a style that lacks an icon is transparent there."""
    styles = splits.STYLES + splits.HELD_STYLES
    sets = []
    for style in styles:
        path = work / "sources/npm" / f"@iconify-json-{style}" / "package/icons.json"
        sets.append(json.loads(path.read_text()) if path.exists() else {"icons": {}})
    names, rows = [], []
    for slug, name in icon_names().items():
        drawn = [render(s, slug) for s in sets]
        seen = drawn[: len(splits.STYLES)]
        if sum(d is not None for d in seen) < 2:
            print("too few styles:", name)
            continue
        empty = np.zeros((ICON_SIZE, ICON_SIZE, 4), np.uint8)
        rows.append(np.stack([empty if d is None else d for d in drawn]))
        names.append(name)
    icons = np.stack(rows)
    np.savez_compressed(work / "assets/icons.npz", names=np.array(names), icons=icons)
    have = (icons[..., 3].max((2, 3)) > 0).sum(0)
    print(len(names), "icons;", ", ".join(f"{s} {n}" for s, n in zip(styles, have)))


def collect_photos(work: Path) -> None:
    """photos.npz: file name -> (300, 400, 3)."""
    photos = {}
    for path in sorted((work / "sources/pypi").glob("scikit-*/**/*")):
        if path.name in splits.PHOTOS + splits.HELD_PHOTOS:
            photos[path.name] = np.asarray(Image.open(path).convert("RGB").resize(PHOTO_SIZE, Image.BICUBIC))
    np.savez_compressed(work / "assets/photos.npz", **photos)
    print(len(photos), "photographs")


def subset(source: Path, target: Path) -> None:
    """Keep the printable characters of ASCII: a tenth of the size."""
    from fontTools import subset as ft

    options = ft.Options(layout_features=["kern"], notdef_outline=True)
    font = ft.load_font(str(source), options)
    cutter = ft.Subsetter(options)
    cutter.populate(unicodes=range(32, 127))
    cutter.subset(font)
    ft.save_font(font, str(target), options)


def collect_fonts(work: Path) -> None:
    """fonts/ and fonts-held/: every font file with the Latin alphabet."""
    from PIL import ImageFont

    for folder, packages in (("fonts", splits.FONTS), ("fonts-held", splits.HELD_FONTS)):
        target = work / "assets" / folder
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for package in packages:
            for path in sorted((work / "sources/debian" / package).rglob("*.[ot]tf")):
                if path.is_symlink() or path.stat().st_size > 2_000_000:
                    continue
                font = ImageFont.truetype(str(path), 40)
                if font.getbbox("AaBb019")[2] > 20 and font.getmask("A").getbbox():
                    subset(path, target / path.name)
        print(len(list(target.iterdir())), folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    (work / "assets").mkdir(parents=True, exist_ok=True)
    collect_icons(work)
    collect_photos(work)
    collect_fonts(work)


if __name__ == "__main__":
    main()
