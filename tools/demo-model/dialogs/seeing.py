"""Questions about pictures. What a picture shows is a pictures.scene.Scene; here it is put into words."""
from __future__ import annotations

from pictures.scene import POSITIONS, SHAPES, Scene, Thing

from .dice import Dice
from .words import listing, number, plural, with_a, with_article

NOTHING = "I see nothing but an empty background."
NOTHING_NEW = "I see nothing new."
NO_PICTURE = "I do not see a picture right now."
WHAT = ("What do you see?", "What can you see?", "What is in the picture?", "What is this?", "What am I showing you?",
        "Describe the picture.", "What do you see in this picture?", "Can you see this?", "Look at this. What is it?",
        "Tell me what you see.")
WHAT_UNSEEN = ("What am I holding?", "Please describe what you see.")
ANYTHING_NEW = ("Do you see anything new?", "Is there anything new?", "What is new?")


def name_of(thing: Thing) -> str:
    """"a cat", "a red star"."""
    return with_article(thing.name) if thing.kind == "icon" else with_a(f"{thing.colour} {thing.name}")


def plural_of(thing: Thing) -> str:
    return plural(thing.name) if thing.kind == "icon" else f"{thing.colour} {plural(thing.name)}"


def describe(scene: Scene) -> str:
    """The answer to "What do you see?"."""
    if scene.kind == "empty":
        return NOTHING
    if scene.kind == "text":
        return f"I see the number {scene.text}." if scene.text.isdigit() else f'I see the text "{scene.text}".'
    if scene.kind == "count":
        return f"I see {number(len(scene.things))} {plural_of(scene.things[0])}."
    return "I see " + listing([name_of(t) for t in scene.in_order()]) + "."


def what(r: Dice) -> str:
    return r.wording(*WHAT, unseen=WHAT_UNSEEN)


def question(r: Dice, scene: Scene, icon_names: list[str]) -> tuple[str, str]:
    """A question about the picture, and its answer."""
    if scene.kind == "empty" or r.chance(0.4):
        return what(r), describe(scene)
    if scene.kind == "text":
        return about_text(r, scene)
    if scene.kind == "count":
        return about_count(r, scene)
    thing = r.choice(scene.things)
    choices = {about_place: 25, about_presence: 35, about_number: 20}
    if thing.kind == "shape":
        choices[about_colour] = 20
    return r.weighted(choices)(r, scene, thing, icon_names)


def about_text(r: Dice, scene: Scene) -> tuple[str, str]:
    if scene.text.isdigit() and r.chance(0.6):
        q = r.wording("What number is this?", "Which number do you see?", "Can you read this number?", "What is the number?",
                      unseen=("Tell me the number.",))
        return q, f"It is {scene.text}."
    q = r.wording("What does it say?", "Can you read this?", "Read the text.", "What is written here?",
                  "Please read this to me.", unseen=("What is written on it?",))
    return q, f'It says "{scene.text}".'


def about_count(r: Dice, scene: Scene) -> tuple[str, str]:
    thing, n = scene.things[0], len(scene.things)
    many = plural(thing.name)
    if thing.kind == "shape" and r.chance(0.25):
        return r.wording("What colour are they?", f"What colour are the {many}?"), f"They are {thing.colour}."
    q = r.wording(f"How many {many} are there?", f"How many {many} do you see?", "How many are there?",
                  "How many things do you see?", "How many objects are in the picture?",
                  unseen=(f"Count the {many}.",))
    return q, f"There are {number(n)}."


def about_place(r: Dice, scene: Scene, thing: Thing, icon_names: list[str]) -> tuple[str, str]:
    alone = sum(t.name == thing.name for t in scene.things) == 1
    what_for = thing.name if thing.kind == "icon" or alone else f"{thing.colour} {thing.name}"
    place = POSITIONS[thing.cell]
    if place == "middle":
        return f"Where is the {what_for}?", "It is in the middle."
    at = "at" if place in ("top", "bottom") or " " in place else "on"
    return f"Where is the {what_for}?", f"It is {at} the {place}."


def about_colour(r: Dice, scene: Scene, thing: Thing, icon_names: list[str]) -> tuple[str, str]:
    answer = f"The {thing.name} is {thing.colour}."
    if sum(t.name == thing.name for t in scene.things) == 1:
        return f"What colour is the {thing.name}?", answer
    if sum(t.colour == thing.colour for t in scene.things) == 1:
        return f"What shape is {thing.colour}?", answer
    return what(r), describe(scene)


def about_presence(r: Dice, scene: Scene, thing: Thing, icon_names: list[str]) -> tuple[str, str]:
    shown = {t.name for t in scene.things}
    stock = icon_names if thing.kind == "icon" else SHAPES
    asked = thing.name if r.chance(0.5) else r.choice(stock)
    a = with_article(asked)
    q = r.wording(f"Is there {a}?", f"Do you see {a}?", f"Is this {a}?", f"Can you see {a}?",
                  unseen=(f"Can you find {a} in the picture?",))
    if asked in shown:
        return q, f"Yes, I see {a}."
    return q, "No, I see " + listing([name_of(t) for t in scene.in_order()]) + "."


def about_number(r: Dice, scene: Scene, thing: Thing, icon_names: list[str]) -> tuple[str, str]:
    q = r.wording("How many things do you see?", "How many objects are in the picture?")
    return q, f"I see {number(len(scene.things))}." if len(scene.things) > 1 else "I see one."


def anything_new(r: Dice, before: Scene, now: Scene) -> tuple[str, str]:
    """The same question about two pictures after another."""
    if now.kind == "empty" or now is before:
        return r.wording(*ANYTHING_NEW), NOTHING_NEW
    return r.wording(*ANYTHING_NEW), describe(now)
