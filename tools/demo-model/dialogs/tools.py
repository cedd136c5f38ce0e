"""Tools: declarations whose names, parameters and descriptions vary, and what people say to have them called.

A job (switch the light, take an order, ...) is declared under names that are mostly made up: with a few names each, the
model learned them by heart and called no tool of another name. Names for evaluation are never used in training.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

from .dice import Dice
from .kiosk import ITEMS, PLACES
from .words import DAYS, number, plural, stock

ROOMS = stock("kitchen; bedroom; bathroom; living room; hall; garage; office; garden; meeting room; lobby; corridor; shop")
LIGHT_COLOURS = ["red", "green", "blue", "white", "yellow", "orange", "purple", "pink"]
PAGES = stock("map; menu; opening hours; price list; timetable; contact; start; events; exhibition; tickets; help")
VERBS = stock("""
start; stop; open; close; read; write; send; call; find; check; clean; move; print; save; load; count; book; rent; wash; paint;
sell; buy; repair; mark; copy; hide; show; delete; lift; turn; fill; empty; record; measure; charge; lock; share; sort; test;
update; watch; feed; order; cancel; confirm; bring; fetch; pack; press; reset
""")
PLAIN_NOUNS = stock("""
door; window; lamp; car; bike; boat; train; bus; garden; tree; flower; letter; book; page; table; chair; bed; cup; plate; bottle;
box; bag; key; ring; shoe; coat; hat; clock; phone; camera; picture; song; story; ticket; map; road; bridge; tower; wall; house;
shop; office; school; hotel; museum; beach; river; lake; field; farm; horse; dog; cat; bird; fish; bear; fox; apple; lemon; cake;
soup; bread; cheese; sugar; water; fire; stone; rope; ship; engine; wheel; machine; printer; screen; locker; elevator; fan; pump;
heater; oven; robot; drone; report; list; note; file; order; user; guest; group; team; game; score; word; level; item; code
""")
REASONS = stock("a problem with the machine; a lost bag; a refund; a wheelchair; a broken locker; first aid; a question")
MUSIC = stock("""
jazz; rock; classical music; pop; the radio; piano music; folk music; blues; soul; dance music; guitar music; country music; the news
""")
LANGUAGES = stock("English; German; French; Spanish; Italian; Dutch; Polish; Portuguese; Swedish; Greek; Russian; Chinese; Japanese")


NAME_WORDS: list[str] = []  # learn_names fills it, frequent words first
SAID = 5000  # of them are also said


@dataclass(frozen=True)
class Parameter:
    """One thing a tool wants to know, and the names it may go by."""

    role: str
    type: str  # string, integer, boolean
    names: tuple[str, ...]
    unseen: tuple[str, ...]
    about: tuple[str, ...] = ("",)
    enum: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """Something a tool can do."""

    key: str
    names: tuple[str, ...]
    unseen: tuple[str, ...]
    about: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    request: Callable[[Dice], tuple[str, dict]]  # what is said, role -> value
    done: Callable[[dict, dict], str]  # what is answered, from the values and the result
    result: Callable[[Dice, dict], dict] = lambda r, values: {"ok": True}


def held_names() -> set[str]:
    """Names that only evaluation uses; nothing made up may be one of them."""
    return {n for j in JOBS for n in (*j.unseen, *(x for p in j.parameters for x in p.unseen))}


@dataclass
class Tool:
    """A job as one declaration offers it."""

    job: Job
    name: str
    roles: dict[str, str] = field(default_factory=dict)  # role -> name of the parameter
    declaration: dict = field(default_factory=dict)

    def arguments(self, values: dict) -> dict:
        return {self.roles[role]: v for role, v in values.items() if role in self.roles}


PLACE = Parameter("room", "string", ("room", "where", "location", "place", "room_name", "in_room", "section", "spot"), ("area", "zone"),
                  ("", "Name of the room", "Which room", "room", "Part of the house"))
ON_OFF = Parameter("state", "string", ("state", "power", "mode", "action", "on_off", "setting", "turn"), ("status", "switch"),
                   ("", "on or off"), ("on", "off"))
COUNT = Parameter("count", "integer", ("count", "quantity", "number", "amount", "qty", "units", "how_much", "times"), ("how_many", "pieces"),
                  ("", "How many", "Number of items"))
MINUTES = Parameter("minutes", "integer", ("minutes", "duration", "time", "length", "minute_count", "wait"), ("min", "duration_minutes"),
                    ("Minutes", "in minutes", "Duration in minutes"))


def say_light(r: Dice) -> tuple[str, dict]:
    room, state = r.choice(ROOMS), r.choice(["on", "off"])
    text = r.wording(f"Turn {state} the light in the {room}.", f"Turn the {room} light {state}.",
                     f"Switch {state} the {room} light.", f"Please switch the light in the {room} {state}.",
                     f"{room.capitalize()} light {state}.", f"I want the {room} light {state}.",
                     f"Can you switch {state} the light in the {room}?", f"Light {state} in the {room}, please.",
                     f"Could you switch {state} the {room} light?", f"Please turn {state} the light in the {room}.",
                     f"Would you turn the {room} light {state}?", f"The light in the {room} should be {state}.",
                     f"Put the {room} light {state}, please.", f"Can you please turn the {room} light {state}?", unseen=(f"Could you turn the light in the {room} {state}?",))
    return text, {"room": room, "state": state}


def say_colour(r: Dice) -> tuple[str, dict]:
    room, colour = r.choice(ROOMS), r.choice(LIGHT_COLOURS)
    text = r.wording(f"Make the {room} light {colour}.", f"Set the light in the {room} to {colour}.",
                     f"I want {colour} light in the {room}.", f"Turn the light in the {room} {colour}.",
                     f"Can the {room} light be {colour}?", f"Switch the {room} light to {colour}.",
                     f"Please make the light in the {room} {colour}.", f"The {room} light should be {colour}.",
                     f"Change the colour of the {room} light to {colour}.", f"Could you set the {room} light to {colour}?",
                     f"{colour.capitalize()} light in the {room}, please.",
                     unseen=(f"Change the {room} light to {colour}.",))
    return text, {"room": room, "colour": colour}


def say_order(r: Dice) -> tuple[str, dict]:
    item, n = r.choice(ITEMS), r.choice([1, 1, 2, 2, 3, 4, 5])
    what = f"{number(n)} {item if n == 1 else plural(item)}"
    text = r.wording(f"I would like {what}, please.", f"{what.capitalize()}, please.", f"Can I have {what}?",
                     f"I want to order {what}.", f"I will take {what}.", f"Give me {what}, please.",
                     f"We need {what}.", f"Could you bring {what}?", f"Could I have {what}?", f"Can I get {what}, please?",
                     f"I will have {what}.", f"Bring us {what}, please.", f"{what.capitalize()} for me, please.", f"I want {what}.",
                     f"May I have {what}?", f"Please give us {what}.", f"We would like {what}.", unseen=(f"Please bring me {what}.", f"Could I get {what}?"))
    return text, {"item": item, "count": n}


def say_timer(r: Dice) -> tuple[str, dict]:
    n = r.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 45, 50, 60])
    unit = "minute" if n == 1 else "minutes"
    text = r.wording(f"Set a timer for {number(n)} {unit}.", f"Start a timer of {number(n)} {unit}.",
                     f"Wake me in {number(n)} {unit}.", f"Let me know in {number(n)} {unit}.",
                     f"Tell me when {number(n)} {unit} are over.", f"I need a timer for {number(n)} {unit}.",
                     f"Call me in {number(n)} {unit}.", f"Give me {number(n)} {unit}.", f"Ring in {number(n)} {unit}.",
                     f"Timer for {number(n)} {unit}, please.", f"Please wake me in {number(n)} {unit}.", f"Tell me in {number(n)} {unit}.",
                     f"Set the timer to {number(n)} {unit}.", unseen=(f"Remind me in {number(n)} {unit}.",))
    return text, {"minutes": n}


def say_staff(r: Dice) -> tuple[str, dict]:
    reason = r.choice(REASONS)
    text = r.wording(f"Please call somebody, I need help with {reason}.", f"Call the staff, it is about {reason}.",
                     f"I need to talk to a person about {reason}.", f"Is somebody there? I have a question about {reason}.",
                     f"Can I speak to somebody about {reason}?", f"Please send somebody because of {reason}.",
                     f"Can anybody help me? It is about {reason}.", f"Could somebody help me with {reason}?",
                     f"Somebody should come, it is about {reason}.", f"I want to speak to somebody. It is about {reason}.",
                     f"Can you send somebody? I have a question about {reason}.", f"I need a person. It is about {reason}.", unseen=(f"Can somebody come? It is about {reason}.",))
    return text, {"reason": reason}


def say_page(r: Dice) -> tuple[str, dict]:
    page = r.choice(PAGES)
    text = r.wording(f"Show me the {page} page.", f"Open the {page} page.", f"Go to the {page} page.",
                     f"Can I see the {page} page?", f"Please bring up the {page} page.", f"I would like to look at the {page} page.",
                     f"Please show the {page} page.", f"Let me see the {page} page.", f"Could you open the {page} page?",
                     f"I need the {page} page.", f"I want the {page} page.", f"Can you show me the {page} page?",
                     unseen=(f"I want to see the {page} page.",))
    return text, {"page": page}


def say_way(r: Dice) -> tuple[str, dict]:
    place = r.choice(PLACES)
    text = r.wording(f"Show me the way to the {place}.", f"Take me to the {place}.", f"Guide me to the {place}.",
                     f"I want to go to the {place}.", f"Bring me to the {place}, please.", f"Find the way to the {place}.",
                     f"Please take me to the {place}.", f"Can you bring me to the {place}?", f"Please guide us to the {place}.",
                     f"I have to go to the {place}.", f"Walk me to the {place}.", f"We want to go to the {place}.",
                     unseen=(f"Lead me to the {place}.",))
    return text, {"place": place}


def say_heating(r: Dice) -> tuple[str, dict]:
    room, n = r.choice(ROOMS), r.randint(15, 28)
    text = r.wording(f"Set the heating in the {room} to {number(n)} degrees.", f"Make the {room} {number(n)} degrees warm.",
                     f"Heat the {room} to {number(n)} degrees.", f"The {room} should have {number(n)} degrees.",
                     f"I would like {number(n)} degrees in the {room}, please.",
                     f"I need {number(n)} degrees in the {room}.", f"Can you make it {number(n)} degrees in the {room}?",
                     f"Turn the heating in the {room} to {number(n)}.", f"{number(n).capitalize()} degrees in the {room}, please.",
                     f"We want the {room} at {number(n)} degrees.", f"Please heat the {room} to {number(n)} degrees.",
                     unseen=(f"I want {number(n)} degrees in the {room}.",))
    return text, {"room": room, "degrees": n}


def say_music(r: Dice) -> tuple[str, dict]:
    kind = r.choice(MUSIC)
    return r.wording(f"Play {kind}.", f"Please play some {kind}." if "the" not in kind else f"Turn on {kind}.",
                     f"Put on {kind}.", f"I would like to listen to {kind}.", f"Can you play {kind}?", f"Let me hear {kind}.",
                     f"I would like to hear {kind}.", f"Can I hear {kind}?", f"Please put on {kind}.", f"I want to listen to {kind}.",
                     f"Start playing {kind}.", f"Could you play {kind} for me?", f"We want {kind}.",
                     unseen=(f"I want to hear {kind}.",)), {"kind": kind}


def say_volume(r: Dice) -> tuple[str, dict]:
    n = r.choice(range(0, 101, 10))
    return r.wording(f"Set the volume to {number(n)}.", f"Volume {number(n)}, please.",
                     f"Make the volume {number(n)}.", f"I want the volume at {number(n)}.", f"Turn the sound to {number(n)}.",
                     f"Put the volume at {number(n)}.", f"The volume should be {number(n)}.", f"Can you make the volume {number(n)}?",
                     f"Bring the volume to {number(n)}.", f"Please turn the volume to {number(n)}.", f"Set the sound to {number(n)}.",
                     unseen=(f"Change the volume to {number(n)}.",)), {"level": n}


def say_door(r: Dice) -> tuple[str, dict]:
    room, state = r.choice(ROOMS), r.choice(["lock", "unlock"])
    return r.wording(f"{state.capitalize()} the {room} door.", f"Please {state} the door of the {room}.",
                     f"I want you to {state} the {room} door.", f"The {room} door, {state} it please.",
                     f"Please {state} the {room} door.", f"Could you {state} the door of the {room}?", f"{state.capitalize()} the door to the {room}.",
                     f"I would like to {state} the {room} door.", f"The door of the {room} should be {state}ed.",
                     f"Would you {state} the {room} door?",
                     unseen=(f"Can you {state} the {room} door?",)), {"room": room, "action": state}


def say_table(r: Dice) -> tuple[str, dict]:
    n, day, hour = r.randint(2, 8), r.choice(DAYS), r.randint(5, 9)
    text = r.wording(f"Book a table for {number(n)} on {day} at {number(hour)}.",
                     f"I need a table for {number(n)} people on {day} at {number(hour)}.",
                     f"We are {number(n)} and want to come on {day} at {number(hour)}.",
                     f"Can I have a table on {day} at {number(hour)} for {number(n)} people?",
                     f"Please keep a table for {number(n)} on {day}, at {number(hour)}.",
                     f"Reserve a table for {number(n)} people on {day} at {number(hour)}.",
                     f"I would like a table on {day} at {number(hour)} for {number(n)}.",
                     f"A table for {number(n)} on {day} at {number(hour)}, please.",
                     f"Book us a table on {day} at {number(hour)} for {number(n)} people.",
                     unseen=(f"Reserve a table on {day} at {number(hour)} for {number(n)}.",))
    return text, {"count": n, "day": day, "hour": hour}


def say_language(r: Dice) -> tuple[str, dict]:
    language = r.choice(LANGUAGES)
    return r.wording(f"Switch to {language}.", f"Please speak {language}.", f"Change the language to {language}.",
                     f"I speak {language}.", f"Can we talk {language}?", f"I would like to speak {language}.",
                     f"Let us speak {language}.", f"Can you talk in {language}?", f"Talk to me in {language}.", f"{language}, please.",
                     f"Go on in {language}.", f"Please talk {language} with me.", f"We speak {language}.",
                     unseen=(f"Let us talk in {language}.",)), {"language": language}


def price_result(r: Dice, values: dict) -> dict:
    return {"total": r.choice([r.randint(2, 60), round(r.randint(2, 60) + r.choice([0.2, 0.5, 0.8]), 1)])}


def minutes_result(r: Dice, values: dict) -> dict:
    return {"wait_minutes": r.randint(1, 15)}


def ordered(values: dict, result: dict) -> str:
    n, item = values["count"], values["item"]
    return f"{number(n).capitalize()} {item if n == 1 else plural(item)}, that is {result['total']} euros."


def timed(values: dict, result: dict) -> str:
    n = values["minutes"]
    return f"The timer is set for {number(n)} {'minute' if n == 1 else 'minutes'}."


JOBS = [
    Job("light", ("set_light", "switch_light", "light", "lights", "control_light", "turn_light"),
        ("lamp", "toggle_lamp", "light_switch"), ("Switch a light", "Turns lights on and off", "Controls the light of a room"),
        (PLACE, ON_OFF), say_light, lambda v, x: f"The light in the {v['room']} is {v['state']}."),
    Job("colour", ("set_colour", "light_color", "change_color", "lamp_colour"), ("tint", "set_hue"),
        ("Change the colour of a light", "Sets the colour of the light in a room"),
        (PLACE, Parameter("colour", "string", ("color", "colour", "value", "shade", "tone", "light_color"), ("hue",), ("", "Name of the colour"))),
        say_colour, lambda v, x: f"The light in the {v['room']} is {v['colour']} now."),
    Job("order", ("order", "add_order", "order_item", "take_order", "add_item"), ("add_to_cart", "place_order"),
        ("Order something", "Adds an item to the order", "Takes an order"),
        (Parameter("item", "string", ("item", "product", "name", "what"), ("article", "dish"), ("", "What is ordered")), COUNT),
        say_order, ordered, price_result),
    Job("timer", ("set_timer", "start_timer", "timer", "alarm"), ("countdown", "remind"),
        ("Set a timer", "Starts a timer"), (MINUTES,), say_timer, timed),
    Job("staff", ("call_staff", "call_person", "get_help", "notify_staff"), ("call_human", "request_assistance"),
        ("Call a member of staff", "Asks a person to come"),
        (Parameter("reason", "string", ("reason", "message", "topic"), ("issue", "subject"), ("", "Why")),),
        say_staff, lambda v, x: f"Somebody will come in {number(x['wait_minutes'])} minutes."
        if x["wait_minutes"] > 1 else "Somebody will come in one minute.", minutes_result),
    Job("page", ("show_page", "open_page", "navigate", "show_screen"), ("display", "goto_page"),
        ("Show a page on the screen", "Opens a page"),
        (Parameter("page", "string", ("page", "name", "screen"), ("target", "view"), ("", "Name of the page")),),
        say_page, lambda v, x: f"Here is the {v['page']} page."),
    Job("way", ("show_way", "directions", "guide", "route_to"), ("find_route", "wayfinding"),
        ("Show the way to a place", "Gives directions"),
        (Parameter("place", "string", ("place", "destination", "to"), ("goal", "target"), ("", "Where to")),),
        say_way, lambda v, x: f"It takes {number(x['wait_minutes'])} minutes to the {v['place']}."
        if x["wait_minutes"] > 1 else f"It takes one minute to the {v['place']}.", minutes_result),
    Job("heating", ("set_heating", "set_temperature", "heating", "thermostat"), ("climate", "adjust_temperature"),
        ("Set the heating of a room", "Sets a temperature"),
        (PLACE, Parameter("degrees", "integer", ("degrees", "temperature", "value"), ("celsius", "target"),
                          ("", "Degrees Celsius"))),
        say_heating, lambda v, x: f"The {v['room']} is set to {number(v['degrees'])} degrees."),
    Job("music", ("play_music", "play", "music", "start_music"), ("play_audio", "stream"),
        ("Play music", "Starts music"),
        (Parameter("kind", "string", ("kind", "genre", "what", "style"), ("category", "playlist"), ("", "What to play")),),
        say_music, lambda v, x: f"Playing {v['kind']}."),
    Job("volume", ("set_volume", "volume", "change_volume"), ("loudness", "audio_level"),
        ("Set the volume", "Changes how loud it is"),
        (Parameter("level", "integer", ("level", "volume", "percent"), ("loudness", "value"), ("", "0 to 100")),),
        say_volume, lambda v, x: f"The volume is {number(v['level'])}."),
    Job("door", ("door", "door_lock", "control_door", "lock_door"), ("access", "entry"),
        ("Lock or unlock a door", "Controls a door"),
        (PLACE, Parameter("action", "string", ("action", "command", "state"), ("operation", "op"), ("",), ("lock", "unlock"))),
        say_door, lambda v, x: f"The {v['room']} door is {v['action']}ed."),
    Job("table", ("book_table", "reserve_table", "reservation"), ("make_booking", "table_request"),
        ("Book a table", "Reserves a table"),
        (Parameter("count", "integer", ("people", "guests", "persons", "person_count", "party", "size", "group", "chairs", "covers"), ("party_size", "seats"),
                   ("", "How many people", "Number of people")),
         Parameter("day", "string", ("day", "date", "weekday", "booking_day", "which_day"), ("on_day", "when"), ("", "Day of the week")),
         Parameter("hour", "integer", ("hour", "time", "at", "begin", "from", "start_hour", "arrival", "oclock"), ("start", "clock"),
                   ("", "Hour, pm", "Time of day"))),
        say_table, lambda v, x: f"A table for {number(v['count'])} is booked on {v['day']} at {number(v['hour'])}."),
    Job("language", ("set_language", "language", "change_language"), ("locale", "switch_tongue"),
        ("Change the language", "Sets the language"),
        (Parameter("language", "string", ("language", "lang", "name"), ("tongue", "to"), ("", "Name of the language")),),
        say_language, lambda v, x: f"The language is {v['language']} now."),
]
ERRORS = stock("sold out; no connection; device offline; not allowed; closed; unknown name; busy")


def learn_names(words: list[str]) -> None:
    """More words for made-up names: with few of them the model learns their spellings instead of copying. Words of which
    names for evaluation are made stay out."""
    parts = {part for name in held_names() for part in name.split("_")}
    NAME_WORDS[:] = [w for w in words if w not in parts]


def made_up(r: Dice) -> str:
    """A name that says little or nothing: one to three words, or syllables, in one of the usual spellings."""
    while True:
        words = [r.choice(VERBS)] if r.chance(0.3) else []
        for _ in range(r.choice([1, 1, 2])):
            words.append(invented(r) if r.chance(0.25) else r.choice(NAME_WORDS) if NAME_WORDS and r.chance(0.75) else r.choice(PLAIN_NOUNS))
        name = r.choice(["_".join(words), "_".join(words), words[0] + "".join(w.capitalize() for w in words[1:]), "-".join(words)])
        if r.chance(0.1):
            name += r.choice(["", "_"]) + str(r.randint(1, 99))
        if name not in held_names():
            return name


def invented(r: Dice) -> str:
    return "".join(r.choice("bcdfghjklmnprstvwz") + r.choice("aeiou") for _ in range(r.randint(1, 3))) + r.choice(["", "n", "s", "r", "x"])


def declare(r: Dice, job: Job) -> Tool:
    """A declaration of the job under random names. In training most of them are made up: what a tool does stands in its
    description then, and its name can only be copied."""
    plain = r.unseen or r.chance(0.3)
    own = lambda seen, unseen: r.choice(unseen if r.unseen and unseen else seen)
    tool = Tool(job, own(job.names, job.unseen) if plain or r.chance(0.2) else made_up(r))
    properties, required = {}, []
    for p in job.parameters:
        name = own(p.names, p.unseen) if plain or r.chance(0.4) else made_up(r)
        while name in properties:
            name = own(p.names + p.unseen, ()) if r.unseen else made_up(r)
        tool.roles[p.role] = name
        properties[name] = {"type": p.type}
        about = r.choice(p.about)
        if not about and name not in p.names and not r.unseen and r.chance(0.8):
            about = r.choice(p.about[1:] or p.about)
        if about:
            properties[name]["description"] = about
        if p.enum and r.chance(0.7):
            properties[name]["enum"] = list(p.enum)
        if r.chance(0.8):
            required.append(name)
    parameters = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    tool.declaration = {"type": "function", "function": {
        "name": tool.name, "description": r.choice(job.about), "parameters": parameters}}
    return tool


def errand(r: Dice) -> Job:
    """A job that nobody thought of: do something with a thing, perhaps of a kind, perhaps so many times."""
    verb, noun = r.choice(VERBS), r.choice(NAME_WORDS[:SAID]) if NAME_WORDS and r.chance(0.4) else r.choice(PLAIN_NOUNS)
    parameters, kinds = [], r.choice([("kind",), ("kind",), ("count",), ("kind", "count")])
    if "kind" in kinds:
        parameters.append(Parameter("kind", "string", ("kind", "type", "name", "which"), (), ("", f"Which {noun}", "Kind")))
    if "count" in kinds:
        parameters.append(Parameter("count", "integer", ("number", "count", "value"), (), ("", "Number", "How often")))

    def request(r: Dice) -> tuple[str, dict]:
        values = {}
        what = f"the {noun}"
        if "kind" in kinds:
            values["kind"] = r.choice(NAME_WORDS[:SAID] or PLAIN_NOUNS) if r.chance(0.5) else r.choice(PLAIN_NOUNS) if r.chance(0.6) else invented(r)
            what = f"the {values['kind']} {noun}"
        tail = ""
        if "count" in kinds:
            values["count"] = r.randint(1, 99)
            tail = r.choice([f", number {number(values['count'])}", f" {number(values['count'])} times"])
        return r.choice([f"{verb.capitalize()} {what}{tail}.", f"Please {verb} {what}{tail}.", f"Can you {verb} {what}{tail}?",
                         f"I want to {verb} {what}{tail}."]), values

    about = (f"{verb.capitalize()} the {noun}", f"{verb.capitalize()} a {noun}", f"To {verb} the {noun}")
    names = tuple(n for n in (f"{verb}_{noun}", f"{noun}_{verb}", noun) if n not in held_names())
    return Job(f"{verb} {noun}", names, (), about, tuple(parameters), request,
               lambda v, x: f"All right, I will {verb} the {noun}.")


def offer(r: Dice, include: Job | None, count: int) -> list[Tool]:
    """`count` tools for different jobs, `include` among them, in random order and under different names."""
    jobs = r.sample([j for j in JOBS if j is not include], count - (include is not None))
    if not r.unseen:
        jobs = [errand(r) if r.chance(0.3) else j for j in jobs]
    jobs += [include] if include else []
    r.shuffle(jobs)
    tools: list[Tool] = []
    for job in jobs:
        tool = declare(r, job)
        while any(t.name == tool.name for t in tools):
            tool = declare(r, job)
        tools.append(tool)
    return tools


def failure(r: Dice) -> dict:
    return {"error": r.choice(ERRORS)}


def failed(result: dict) -> str:
    return f"Sorry, that did not work: {result['error']}."


CANNOT = "Sorry, I can not do that here."
