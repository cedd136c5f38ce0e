"""The mixture: what kinds of dialogue there are and how often."""
from __future__ import annotations

from typing import Callable, Protocol

from . import seeing, tools
from .dice import Dice
from .facts import fact
from .kiosk import Kiosk, ask, ask_on, kiosk
from .render import Dialog, Turn
from .words import written

ASSISTANTS = [
    "You are a helpful voice assistant.", "You are a friendly assistant. Answer in one short sentence.",
    "You are a voice assistant. Be brief.", "You answer short spoken questions.",
    "You are a helpful assistant that can hear and see.",
]
TRANSCRIBERS = [
    "Write down what the user says.", "Transcribe the speech of the user.",
    "You are a transcription service. Repeat the words of the user exactly.", "Transcribe the audio.",
    "Only write what was said.",
]
ASK_WORDS = ["What did I say?", "Say what I said.", "Transcribe this.", "Write this down:"]
NOT_HEARD = "Sorry, I did not understand that."
STOPS = {
    "Stop.": "All right.", "Stop it.": "All right.", "That is enough.": "All right.", "Be quiet.": "All right.",
    "Wait.": "Of course.", "No, stop.": "All right.",
}


class Stock(Protocol):
    """Where dialogues take sentences and pictures from."""

    def sentence(self) -> str:
        """A sentence that there is a clip of."""

    def picture(self) -> tuple[int, object] | None:
        """Number of a picture and its scene; None while there are none."""

    icon_names: list[str]


def heard(sentence: str) -> str:
    return f'I heard: "{sentence}" Sorry, I can not help with that.'


def some_system(r: Dice) -> str | None:
    return r.choice(ASSISTANTS) if r.chance(0.7) else None


def transcription(r: Dice, stock: Stock) -> Dialog:
    """The words of the user are the answer."""
    def turn(typed: str = "") -> Turn:
        s = stock.sentence()
        return Turn(s, written(s), must_speak=True, typed=typed)
    if r.chance(0.8):
        return Dialog(r.choice(TRANSCRIBERS), [turn() for _ in range(2 if r.chance(0.15) else 1)])
    return Dialog(some_system(r), [turn(r.choice(ASK_WORDS))])


def outside_domain(r: Dice, stock: Stock) -> Dialog:
    """Something that nothing can be said about."""
    s = stock.sentence()
    system = kiosk(r).prompt if r.chance(0.3) else some_system(r)
    return Dialog(system, [Turn(s, heard(written(s)), must_speak=True)])


def desk_turns(r: Dice, k: Kiosk, count: int) -> list[Turn]:
    """Questions to a desk, most of them referring back."""
    turns, topic = [], None
    for _ in range(count):
        if r.chance(0.1):
            turns.append(Turn(*fact(r)))
            topic = None
            continue
        if topic in ("hours", "price", "place") and r.chance(0.6):
            q, a, topic = ask_on(r, k, topic)
        else:
            q, a, topic = ask(r, k)
        turns.append(Turn(q, a))
        if r.chance(0.06):
            stop = r.choice(list(STOPS))
            turns.append(Turn(stop, STOPS[stop]))
        elif r.chance(0.06) and topic == "price":
            turns += correction(r, k)
    return turns


def correction(r: Dice, k: Kiosk) -> list[Turn]:
    """"No, I meant the tea.\""""
    item = r.choice(list(k.prices))
    q = r.wording(f"No, I meant the {item}.", f"Sorry, I mean the {item}.", unseen=(f"I was asking for the {item}.",))
    return [Turn(q, k.price_of(item))]


def desk(r: Dice, stock: Stock) -> Dialog:
    k = kiosk(r, long=r.chance(0.15))
    return Dialog(k.prompt, desk_turns(r, k, r.choices([1, 2, 3, 6], [5, 3, 2, 1])[0]))


def facts(r: Dice, stock: Stock) -> Dialog:
    system = kiosk(r).prompt if r.chance(0.2) else some_system(r)
    return Dialog(system, [Turn(*fact(r)) for _ in range(r.choices([1, 2, 3], [6, 3, 1])[0])])


def nothing_said(r: Dice, stock: Stock) -> Dialog:
    """Noise or silence, and then perhaps a question after all."""
    system = kiosk(r).prompt if r.chance(0.3) else some_system(r)
    turns = [Turn("", NOT_HEARD, sound=r.choice(["noise", "noise", "silence"]))]
    if r.chance(0.3):
        turns.append(Turn(*fact(r)))
    return Dialog(system, turns)


def no_picture(r: Dice, stock: Stock) -> Dialog:
    return Dialog(some_system(r), [Turn(seeing.what(r), seeing.NO_PICTURE)])


def picture(r: Dice, stock: Stock) -> Dialog:
    """Questions about a picture, and about a second one that follows."""
    shown = stock.picture()
    if shown is None:
        return facts(r, stock)
    system = kiosk(r).prompt if r.chance(0.15) else some_system(r)
    turns: list[Turn] = []
    for i in range(r.choices([1, 2, 3], [6, 3, 1])[0]):
        if i and r.chance(0.12):
            turns.append(Turn(*fact(r)))
        elif i and r.chance(0.3):
            before, shown = shown, stock.picture()
            new = seeing.anything_new(r, before[1], shown[1]) if r.chance(0.5) else seeing.question(r, shown[1], stock.icon_names)
            turns.append(Turn(*new, picture=shown[0]))
        elif i and r.chance(0.06):
            turns.append(Turn(*seeing.anything_new(r, shown[1], shown[1]), picture=shown[0]))
        else:
            turns.append(Turn(*seeing.question(r, shown[1], stock.icon_names), picture=None if i else shown[0]))
    return Dialog(system, turns)


def tool_use(r: Dice, stock: Stock) -> Dialog:
    """A request that one of the tools does, or none of them, or a question beside them."""
    job = tools.errand(r) if not r.unseen and r.chance(0.25) else r.choice(tools.JOBS)
    offered = tools.offer(r, job if r.chance(0.92) else None, r.choices([1, 2, 3, 4], [3, 4, 2, 2])[0])
    k = kiosk(r) if r.chance(0.3) else None
    d = Dialog(k.prompt if k else some_system(r), [], offered, think=r.chance(0.2))
    for _ in range(r.choices([1, 2, 3], [7, 2, 1])[0]):
        if r.chance(0.15):
            q, a = ask(r, k)[:2] if k else fact(r)
            d.turns.append(Turn(q, a, thought="The user has a question. No tool is needed."))
            continue
        job = job if r.chance(0.8) else r.choice(tools.JOBS)
        d.turns.append(tool_turn(r, job, offered))
    return d


def tool_turn(r: Dice, job: tools.Job, offered: list[tools.Tool]) -> Turn:
    said, values = job.request(r)
    tool = next((t for t in offered if t.job is job), None)
    if tool is None:
        return Turn(said, tools.CANNOT, thought="No tool can do that.")
    result = tools.failure(r) if r.chance(0.08) else job.result(r, values)
    answer = tools.failed(result) if "error" in result else job.done(values, result)
    thought = f"The user wants something that {tool.name} does."
    return Turn(said, answer, call=(tool.name, tool.arguments(values)), result=result, thought=thought)


def request_without_tools(r: Dice, stock: Stock) -> Dialog:
    said, _ = r.choice(tools.JOBS).request(r)
    return Dialog(some_system(r), [Turn(said, tools.CANNOT)])


def thinking(r: Dice, stock: Stock) -> Dialog:
    """Thinking on, without tools."""
    q, a = fact(r)
    return Dialog(some_system(r), [Turn(q, a, thought="The user asks: " + q)], think=True)


def repeated(r: Dice, stock: Stock) -> Dialog:
    """A name is said again as it stands there: copying without knowing what."""
    names = [tools.made_up(r) for _ in range(r.choice([1, 1, 2, 3]))]
    q = r.wording("Repeat: ", "Say this again: ", "Write this once more: ", "Copy: ") + " ".join(names)
    return Dialog(some_system(r), [Turn(q, " ".join(names))])


MIXTURE: dict[Callable[[Dice, Stock], Dialog], float] = {
    transcription: 26, outside_domain: 3, desk: 11, facts: 7, nothing_said: 3, no_picture: 1, picture: 30,
    tool_use: 18, request_without_tools: 1.5, thinking: 0.5, repeated: 2,
}


def dialog(r: Dice, stock: Stock) -> Dialog:
    """A dialogue of any kind."""
    return r.weighted(MIXTURE)(r, stock)
