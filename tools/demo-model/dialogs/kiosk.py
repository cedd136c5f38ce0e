"""The information desk: a system prompt with random hours, prices and places, and questions about them."""
from __future__ import annotations

from dataclasses import dataclass, field
from .dice import Dice
from .words import DAYS, capital, clock, number, plural, stock, with_a

ITEMS = stock("""
coffee; tea; espresso; latte; cappuccino; hot chocolate; orange juice; apple juice; lemonade; water; beer;
wine; milk; cake; cookie; muffin; croissant; bagel; sandwich; soup; salad; pizza; burger; ice cream; yogurt;
bread; cheese; banana; apple; day ticket; single ticket; return ticket; child ticket; family ticket; museum
ticket; guided tour; audio guide; map; postcard; umbrella; book; magazine; poster; t-shirt; mug; bike; boat;
locker; parking; towel; massage; haircut; room; breakfast; lunch; dinner; toast; smoothie; donut; brownie
""")
PLACES = stock("""
toilets; restrooms; elevator; stairs; exit; entrance; cafe; restaurant; gift shop; reception; cloakroom;
lockers; library; meeting room; main hall; garden; playground; parking garage; bus stop; train station;
ticket office; information desk; cash machine; pharmacy; gym; pool; waiting room; first aid room; kitchen;
terrace; cinema; gallery
""")
WHERE = stock("""
on the {o} floor; on the {o} floor on the {s}; down the hall on the {s}; behind the reception; next to the
entrance; next to the elevator; at the end of the corridor; outside on the {s}; in the basement; across the
street; opposite the stairs; past the cafe on the {s}; through the glass door; in the main hall; near the
car park; upstairs on the {s}; downstairs; in building {n}; behind the counter; around the corner
""")
KINDS = stock("""
museum; library; cafe; hotel; train station; zoo; bakery; bookshop; hospital; school; swimming pool; town
hall; theatre; gallery; shop; clinic; sports club; airport; garden; castle
""")
NAMES = stock("""
Green Park; River House; Sunny Corner; Blue Door; Old Mill; Star; Maple; City; Harbour; Central; Rose;
Golden Lion; North; Lake View; Little Bear; Union; Silver Bird; Hill Top; Market; Queen
""")
UNKNOWN = "Sorry, I don't know that."
ROLES = ["assistant", "voice assistant", "kiosk", "information desk"]
# days with the same hours stand together: Monday to Friday, Saturday, Sunday, ...
GROUPS = [[(0, 4), (5, 5), (6, 6)], [(0, 4), (5, 6)], [(0, 5), (6, 6)], [(0, 6)], [(0, 0), (1, 4), (5, 6)]]
# sentences that make a prompt longer and that no question asks for
HOUSE_RULES = stock("""
Please be polite.; Answer in one short sentence.; Do not talk about politics.; Dogs must be kept on a lead.;
Smoking is not allowed anywhere.; Cards and cash are accepted.; Children under six enter free of charge.;
The staff wears blue shirts.; Lost things are kept at the entrance.; Bags must be left at the cloakroom.;
Photographs are allowed without flash.; The last admission is one hour before closing.; There is a step at the door.;
In case of fire use the stairs.; Guided groups should book a week ahead.; Bicycles can be left behind the house.
""")


@dataclass
class Kiosk:
    """One desk: what it knows and the system prompt that says so."""

    name: str
    hours: dict[int, tuple[str, str] | None] = field(default_factory=dict)  # day -> opening, closing; None: closed
    prices: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    wifi: str | None = None
    prompt: str = ""

    def hours_on(self, day: int) -> str:
        h = self.hours[day]
        return f"On {DAYS[day]} we are open from {h[0]} to {h[1]}." if h else f"We are closed on {DAYS[day]}."

    def price_of(self, item: str) -> str:
        if item not in self.prices:
            return f"Sorry, I have no price for {item}."
        return f"The {item} costs {self.prices[item]} euros."

    def place_of(self, place: str) -> str:
        verb = "are" if place.endswith("s") else "is"
        if place not in self.places:
            return f"Sorry, I do not know where the {place} {verb}."
        return f"The {place} {verb} {self.places[place]}."


def random_hours(r: Dice) -> tuple[dict, str]:
    """Hours of all days, and the sentence that lists them."""
    hours, texts = {}, []
    for first, last in r.choice(GROUPS):
        closed = (first > 0 or last == 0) and r.chance(0.25)
        half = lambda: r.choice([0, 0, 0, 30])
        value = None if closed else (clock(r.randint(6, 11), half()), clock(r.randint(14, 23), half()))
        for day in range(first, last + 1):
            hours[day] = value
        days = DAYS[first] if first == last else f"{DAYS[first]} to {DAYS[last]}"
        texts.append(f"{days} closed" if closed else f"{days} {value[0]} to {value[1]}")
    return hours, "Opening hours: " + ", ".join(texts) + "."


def random_price(r: Dice) -> str:
    return r.choice([str(r.randint(1, 40)), f"{r.randint(1, 19)}.{r.choice([20, 25, 50, 75, 80, 90])}"])


def random_place(r: Dice) -> str:
    floor = r.choice(["first", "second", "third", "ground", "top"])
    return r.choice(WHERE).format(o=floor, s=r.choice(["left", "right"]), n=r.randint(1, 9))


def kiosk(r: Dice, long: bool = False) -> Kiosk:
    """A random desk. `long` prompts have up to 600 tokens."""
    k = Kiosk(r.choice(NAMES) + " " + r.choice(KINDS).title())
    k.hours, hours_text = random_hours(r)
    n_prices, n_places = (r.randint(10, 24), r.randint(6, 14)) if long else (r.randint(2, 6), r.randint(2, 5))
    k.prices = {item: random_price(r) for item in r.sample(ITEMS, n_prices)}
    k.places = {place: random_place(r) for place in r.sample(PLACES, n_places)}
    if r.chance(0.5):
        k.wifi = r.choice(["sunny", "blue", "green", "happy", "tiger", "guest", "coffee"]) + str(r.randint(10, 99))
    parts = [hours_text,
             "Prices: " + ", ".join(f"{a} {b}" for a, b in k.prices.items()) + ".",
             "Places: " + ", ".join(f"{a} {b}" for a, b in k.places.items()) + "."]
    if k.wifi:
        parts.append(f"Wifi password: {k.wifi}.")
    if long or r.chance(0.1):
        parts += r.sample(HOUSE_RULES, r.randint(1, 5))
    if r.chance(0.3):
        r.shuffle(parts)
    k.prompt = f"You are the {r.choice(ROLES)} of {r.choice(['the ', ''])}{k.name}. " + " ".join(parts)
    return k


Question = tuple[str, str, str]  # what is asked, the answer, the topic


def known_or_not(r: Dice, known: dict, stock_of: list[str]) -> str:
    """Mostly something the desk knows."""
    return r.choice(list(known)) if r.chance(0.85) else r.choice(stock_of)


def ask_hours(r: Dice, k: Kiosk) -> Question:
    day = r.randrange(7)
    name, h = DAYS[day], k.hours[day]
    aspect = r.weighted({"open": 5, "close": 2, "whether": 1.5, "both": 1.5})
    closed = f"We are closed on {name}."
    if aspect == "open":
        q = r.wording(f"What time do you open on {name}?", f"When do you open on {name}?",
                      unseen=(f"From what time are you open on {name}?",))
        return q, f"On {name} we open at {h[0]}." if h else closed, "hours"
    if aspect == "close":
        q = r.wording(f"When do you close on {name}?", f"Until when are you open on {name}?",
                      unseen=(f"What time do you close on {name}?",))
        return q, f"On {name} we close at {h[1]}." if h else closed, "hours"
    if aspect == "whether":
        q = r.wording(f"Are you open on {name}?", f"Is it open on {name}?")
        return q, f"Yes, on {name} from {h[0]} to {h[1]}." if h else f"No, we are closed on {name}.", "hours"
    q = r.wording(f"What are your opening hours on {name}?", f"What are the hours on {name}?",
                  unseen=(f"Tell me the opening hours on {name}.",))
    return q, k.hours_on(day), "hours"


def ask_price(r: Dice, k: Kiosk) -> Question:
    item = known_or_not(r, k.prices, ITEMS)
    q = r.wording(f"How much is the {item}?", f"How much is {with_a(item)}?", f"What does the {item} cost?",
                  f"What is the price of {with_a(item)}?", f"How much does {with_a(item)} cost?", f"How expensive is the {item}?",
                  f"I want to know the price of the {item}.", f"What do I pay for {with_a(item)}?",
                  unseen=(f"What do you charge for {with_a(item)}?", f"Tell me the price of the {item}."))
    return q, k.price_of(item), "price"


def ask_several(r: Dice, k: Kiosk) -> Question:
    """The price of some of a thing, where that is a whole number."""
    whole = [item for item, price in k.prices.items() if "." not in price]
    if not whole:
        return ask_price(r, k)
    item, n = r.choice(whole), r.randint(2, 4)
    answer = f"{capital(number(n))} {plural(item)} cost {n * int(k.prices[item])} euros."
    return f"How much are {number(n)} {plural(item)}?", answer, "price"


def ask_place(r: Dice, k: Kiosk) -> Question:
    place = known_or_not(r, k.places, PLACES)
    verb = "are" if place.endswith("s") else "is"
    q = r.wording(f"Where {verb} the {place}?", f"How do I get to the {place}?",
                  f"Can you tell me where the {place} {verb}?", f"I am looking for the {place}.",
                  f"How can I get to the {place}?", f"Do you know where the {place} {verb}?",
                  unseen=(f"How can I find the {place}?", f"Please tell me where the {place} {verb}."))
    return q, k.place_of(place), "place"


def ask_wifi(r: Dice, k: Kiosk) -> Question:
    q = r.wording("What is the wifi password?", "Do you have wifi?", "How can I use the wifi?")
    return q, f"The wifi password is {k.wifi}." if k.wifi else UNKNOWN, "wifi"


def ask_name(r: Dice, k: Kiosk) -> Question:
    return r.wording("What is this place?", "Where am I?", "What is the name of this place?"), f"This is {k.name}.", "name"


TOPICS = {ask_hours: 5, ask_price: 5, ask_place: 5, ask_wifi: 0.7, ask_name: 0.5, ask_several: 1}


def ask(r: Dice, k: Kiosk) -> Question:
    """A question of any topic."""
    return r.weighted(TOPICS)(r, k)


def ask_on(r: Dice, k: Kiosk, topic: str) -> Question:
    """A question that refers back: "And on Sunday?" after a question about hours."""
    about = lambda x: r.wording(f"And {x}?", f"What about {x}?", f"And what about {x}?", unseen=(f"And how about {x}?",))
    if topic == "hours":
        day = r.randrange(7)
        return about("on " + DAYS[day] if r.chance(0.5) else DAYS[day]), k.hours_on(day), topic
    if topic == "price":
        item = known_or_not(r, k.prices, ITEMS)
        return about("the " + item), k.price_of(item), topic
    if topic == "place":
        place = known_or_not(r, k.places, PLACES)
        return about("the " + place), k.place_of(place), topic
    return ask(r, k)
