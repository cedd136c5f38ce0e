"""Facts, sums and small talk: questions with one right answer."""
from __future__ import annotations

from .dice import Dice
from .words import DAYS, MONTHS, capital, number, pairs, with_a

CAPITALS = pairs("""
France:Paris; Germany:Berlin; Italy:Rome; Spain:Madrid; England:London; Ireland:Dublin; Portugal:Lisbon;
Greece:Athens; Poland:Warsaw; Austria:Vienna; Switzerland:Bern; Belgium:Brussels; Sweden:Stockholm;
Norway:Oslo; Denmark:Copenhagen; Finland:Helsinki; Russia:Moscow; Japan:Tokyo; China:Beijing; India:New
Delhi; Egypt:Cairo; Canada:Ottawa; Mexico:Mexico City; Brazil:Brasilia; Argentina:Buenos Aires;
Australia:Canberra; Turkey:Ankara; Hungary:Budapest; Cuba:Havana; Peru:Lima; Chile:Santiago; Kenya:Nairobi;
Iceland:Reykjavik; Ukraine:Kyiv
""")
OPPOSITES = pairs("""
hot:cold; big:small; fast:slow; up:down; left:right; day:night; black:white; open:closed; old:new;
happy:sad; good:bad; high:low; full:empty; hard:soft; wet:dry; early:late; light:dark; long:short;
strong:weak; rich:poor; inside:outside; near:far; loud:quiet; clean:dirty; first:last; yes:no; true:false;
push:pull; front:back
""")
SOUNDS = pairs("""
cat:meow; dog:woof; cow:moo; sheep:baa; duck:quack; pig:oink; horse:neigh; lion:roar; bee:buzz; snake:hiss;
owl:hoot; rooster:cock-a-doodle-doo; frog:ribbit; mouse:squeak
""")
COLOURS_OF = pairs("""
the sky:blue; grass:green; snow:white; a banana:yellow; a tomato:red; an orange:orange; coal:black; a
lemon:yellow; the sun:yellow; a strawberry:red; a carrot:orange; milk:white; a frog:green; chocolate:brown
""")
HELLOS = pairs("""
German:Hallo; French:Bonjour; Spanish:Hola; Italian:Ciao; Dutch:Hallo; Swedish:Hej; Portuguese:Olá;
Polish:Cześć
""")
LEGS = pairs("""
cat:4; dog:4; cow:4; horse:4; bird:2; spider:8; ant:6; bee:6; chicken:2; fish:0; snake:0; octopus:8;
sheep:4; pig:4; duck:2; elephant:4
""")
SPELLED = (
    "cat dog house water apple bread table chair light door green yellow orange purple black white monday "
    "friday sunday seven eight coffee sugar milk music phone paper train plane river garden window flower "
    "summer winter school doctor ticket museum hotel kitchen bottle pencil happy hello robot tiger zebra "
    "lemon banana"
).split()
# what people say to be polite, to try it out or to stop it, and the answer
SMALL_TALK = [
    (("Hello.", "Hi.", "Hello there.", "Hey.", "Good day."),
     "Hello! How can I help you?"),
    (("Good morning.",),
     "Good morning! How can I help you?"),
    (("Good evening.",),
     "Good evening! How can I help you?"),
    (("Good afternoon.",),
     "Good afternoon! How can I help you?"),
    (("How are you?", "How are you today?", "How are you doing?"),
     "I am fine, thank you. How can I help you?"),
    (("Thank you.", "Thanks.", "Thank you very much.", "Thanks a lot."),
     "You are welcome!"),
    (("Goodbye.", "Bye.", "Bye bye.", "See you later.", "See you tomorrow."),
     "Goodbye! Have a nice day."),
    (("Good night.",),
     "Good night!"),
    (("Who are you?", "What are you?", "What is your name?"),
     "I am a small demo assistant."),
    (("What can you do?", "Help.", "How can you help me?", "Can you help me?"),
     "I can answer short questions, do small sums and tell you what I see."),
    (("Can you hear me?", "Do you hear me?", "Testing, testing.", "Are you there?"),
     "Yes, I can hear you."),
    (("Can you see me?", "Are you a robot?", "Are you human?"),
     "I am a small computer program."),
    (("Yes.", "Yes please.", "Okay.", "Sure.", "Of course."),
     "Okay! What would you like to know?"),
    (("No.", "No thank you.", "Never mind.", "Stop.", "Cancel."),
     "All right. Just ask if you need something."),
    (("Tell me a joke.", "Do you know a joke?"),
     "Why did the robot cross the road? It was programmed by the chicken."),
    (("I love you.", "You are great.", "Well done.", "Very good."),
     "Thank you, that is kind!"),
    (("You are stupid.", "That is wrong."),
     "I am sorry. I am only a small demo."),
    (("Happy birthday.",),
     "Thank you! Happy birthday to you too."),
    (("Please wait.", "One moment please.", "Wait a moment."),
     "Of course, take your time."),
]

Answer = tuple[str, str]  # what is asked, what is answered


def sums(r: Dice) -> Answer:
    """Small sums, spoken out."""
    op = r.choice(["plus", "minus", "times"])
    low, high = (2, 10) if op == "times" else (1, 20)
    a, b = r.randint(low, high), r.randint(low, high)
    if op == "minus" and b > a:
        a, b = b, a
    value = {"plus": a + b, "minus": a - b, "times": a * b}[op]
    q = f"{number(a)} {op} {number(b)}"
    return r.wording(f"What is {q}?", f"How much is {q}?"), f"{capital(q)} is {number(value)}."


def capitals(r: Dice) -> Answer:
    c = r.choice(list(CAPITALS))
    q = r.wording(f"What is the capital of {c}?", f"Name the capital of {c}.", f"Which city is the capital of {c}?", unseen=(f"Tell me the capital of {c}.",))
    return q, f"The capital of {c} is {CAPITALS[c]}."


def opposites(r: Dice) -> Answer:
    c = r.choice(list(OPPOSITES))
    return f"What is the opposite of {c}?", f"The opposite of {c} is {OPPOSITES[c]}."


def animals(r: Dice) -> Answer:
    """Their sounds and legs."""
    if r.chance(0.5):
        c = r.choice(list(SOUNDS))
        return r.wording(f"What does the {c} say?", f"What sound does {with_a(c)} make?"), f"The {c} says {SOUNDS[c]}."
    c = r.choice(list(LEGS))
    count = "no" if LEGS[c] == "0" else number(int(LEGS[c]))
    return f"How many legs does {with_a(c)} have?", f"{capital(with_a(c))} has {count} legs."


def colours(r: Dice) -> Answer:
    c = r.choice(list(COLOURS_OF))
    return f"What colour is {c}?", f"{capital(c)} is {COLOURS_OF[c]}."


def spelling(r: Dice) -> Answer:
    w = r.choice(SPELLED)
    q = r.wording(f"How do you spell {w}?", f"Spell {w}.", f"Please spell the word {w}.", unseen=(f"Can you spell {w}?",))
    return q, " ".join(w.upper()) + "."


def hello(r: Dice) -> Answer:
    c = r.choice(list(HELLOS))
    return f"How do you say hello in {c}?", f"In {c} you say {HELLOS[c]}."


def calendar(r: Dice) -> Answer:
    """The day or month before or after another."""
    if r.chance(0.4):
        m = r.randrange(12)
        return f"What month comes after {MONTHS[m]}?", f"After {MONTHS[m]} comes {MONTHS[(m + 1) % 12]}."
    d = r.randrange(7)
    if r.chance(0.5):
        return f"What day comes after {DAYS[d]}?", f"After {DAYS[d]} comes {DAYS[(d + 1) % 7]}."
    return f"What day is before {DAYS[d]}?", f"Before {DAYS[d]} is {DAYS[(d - 1) % 7]}."


def counting(r: Dice) -> Answer:
    first = r.choice([1, 1, 1, r.randint(2, 8)])
    last = first + r.randint(2, 9)
    long = first > 1 or r.chance(0.3)
    q = f"Count from {number(first)} to {number(last)}." if long else f"Count to {number(last)}."
    return q, capital(", ".join(number(i) for i in range(first, last + 1))) + "."


def bigger(r: Dice) -> Answer:
    a, b = r.sample(range(1, 31), 2)
    return f"Which is bigger, {number(a)} or {number(b)}?", f"{capital(number(max(a, b)))} is bigger."


def small_talk(r: Dice) -> Answer:
    return r.choice([(q, a) for qs, a in SMALL_TALK for q in qs])


KINDS = {sums: 7, capitals: 2, opposites: 2, animals: 2, colours: 1, spelling: 2, hello: 0.5, calendar: 2.5,
         counting: 2, bigger: 1.5, small_talk: 5}


def fact(r: Dice) -> Answer:
    """A question of any kind and its answer."""
    return r.weighted(KINDS)(r)
