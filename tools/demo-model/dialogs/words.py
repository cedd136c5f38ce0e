"""Small pieces of English: numbers, plurals, articles, lists, sentence case."""
from __future__ import annotations

import re

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()

# words whose plural is not made by rule; those that stay the same take "some" instead of "a"
PLURALS = {
    "mouse": "mice", "fish": "fish", "sheep": "sheep", "goose": "geese", "tooth": "teeth", "foot": "feet",
    "jeans": "jeans", "socks": "socks", "gloves": "gloves", "glasses": "glasses", "sunglasses": "sunglasses",
    "headphones": "headphones", "scissors": "scissors", "french fries": "french fries", "pancakes": "pancakes",
    "grapes": "grapes", "cherries": "cherries", "binoculars": "binoculars", "broccoli": "broccoli",
    "popcorn": "popcorn", "bread": "bread", "cheese": "cheese", "fire": "fires", "soap": "bars of soap",
    "money bag": "money bags",
}
WITHOUT_ARTICLE = {k for k, v in PLURALS.items() if k == v and k not in ("fish", "sheep")}


def number(n: int) -> str:
    """42 -> "forty-two"."""
    if n < 0:
        return "minus " + number(-n)
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("" if n % 10 == 0 else "-" + ONES[n % 10])
    if n < 1000:
        return ONES[n // 100] + " hundred" + ("" if n % 100 == 0 else " and " + number(n % 100))
    return number(n // 1000) + " thousand" + ("" if n % 1000 == 0 else " " + number(n % 1000))


def with_a(x: str) -> str:
    """"apple" -> "an apple"."""
    return ("an " if x[0] in "aeiou" and not x.startswith("uni") else "a ") + x


def with_article(x: str) -> str:
    """As with_a, but "some jeans"."""
    return "some " + x if x in WITHOUT_ARTICLE else with_a(x)


def plural(x: str) -> str:
    if x in PLURALS:
        return PLURALS[x]
    if " of " in x:
        head, tail = x.split(" of ", 1)
        return plural(head) + " of " + tail
    if x.endswith("y") and x[-2] not in "aeiou":
        return x[:-1] + "ies"
    if x.endswith(("s", "x", "ch", "sh")) or x in ("tomato", "potato", "mango"):
        return x + "es"
    if x.endswith("fe"):
        return x[:-2] + "ves"
    return x + "s"


def listing(xs: list[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    return xs[0] if len(xs) == 1 else ", ".join(xs[:-1]) + " and " + xs[-1]


def capital(s: str) -> str:
    return s[:1].upper() + s[1:]


def written(s: str) -> str:
    """A spoken sentence as one writes it: capital, "I", names of days and months, full stop."""
    s = re.sub(r"\bi\b", "I", capital(s))
    for w in DAYS + [m for m in MONTHS if m not in ("May", "March")]:
        s = re.sub(r"\b" + w.lower() + r"\b", w, s)
    return s if s[-1:] in (".", "?", "!") else s + "."


def spoken(s: str) -> str:
    """Letters, apostrophes and single blanks: what transcripts are compared by."""
    s = s.lower().replace("-", " ")
    return " ".join("".join(c for c in s if "a" <= c <= "z" or c in " '").split())


def clock(hour: int, minute: int = 0) -> str:
    """18, 30 -> "6:30 pm"."""
    return f"{(hour - 1) % 12 + 1}" + (f":{minute:02d}" if minute else "") + (" am" if hour < 12 else " pm")


def stock(text: str) -> list[str]:
    """"a; b; c", over several lines, -> ["a", "b", "c"]."""
    return [x.strip() for x in text.strip().replace("\n", " ").split(";")]


def pairs(text: str) -> dict[str, str]:
    """"a:b; c:d" -> {"a": "b", "c": "d"}."""
    return dict(x.split(":") for x in stock(text))
