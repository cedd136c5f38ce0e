"""Open vocabulary: random sentences to be written down, so that the model hears words and not a list of commands."""
from __future__ import annotations

from random import Random

from .words import DAYS, MONTHS, ONES, ORDINALS, TENS, number, stock, with_a

ADJECTIVES = (
    "old new big small red green blue yellow little young happy quiet loud warm cold dark bright heavy early "
    "strong clean empty busy gentle clever broken golden wooden sweet fresh narrow wide deep simple strange "
    "hungry friendly lazy brave tired soft sharp silent modern local famous foreign lovely ancient rapid "
    "careful curious smooth crooked"
).split()
NOUNS = (
    "man woman boy girl teacher doctor driver farmer singer baker soldier king queen captain child friend "
    "neighbour brother sister mother father uncle student guest cat dog horse bird rabbit fox bear fish sheep "
    "tree flower garden river lake mountain forest road bridge house kitchen window door table chair lamp "
    "clock bottle basket letter book paper pencil ticket train bus boat plane bicycle car street city village "
    "market shop church museum hotel school hospital office station harbour island beach field hill wall "
    "tower box coat hat shoe shirt ring key bag cup plate knife spoon bread cheese apple orange lemon cake "
    "soup sugar coffee water fire stone rope ship engine wheel picture story song dream idea plan problem "
    "question answer lesson number colour sound voice light shadow storm wind rain snow summer winter morning "
    "evening"
).split()
TRANSITIVE = (
    "saw found carried opened closed painted bought sold watched followed cleaned moved washed kept lost gave "
    "took held pulled pushed dropped built broke fixed hid showed wanted needed liked loved remembered forgot "
    "described ordered passed reached touched"
).split()
INTRANSITIVE = (
    "slept laughed waited sang danced walked worked smiled arrived jumped listened travelled rested shouted "
    "whispered stood fell"
).split()
ADVERBS = (
    "slowly quickly quietly again today yesterday together carefully suddenly loudly alone early late always "
    "never often outside upstairs"
).split()
PREPOSITIONS = (
    "in on under behind near beside above below inside across around through with without against before "
    "after"
).split()
# what is said to machines and on the phone
TELEPHONE = (
    "account address agent answer area available button busy call caller code conference connected customer "
    "dial directory disabled enabled enter error extension forward greeting hang hold incorrect invalid key "
    "line list location mailbox menu message minutes mode music network number office operator option "
    "password pause phone please position press queue record recording reply reset save second seconds "
    "security sent service speak star status system team thank time timeout tone transfer unavailable user "
    "voice wait welcome zip"
).split()
# well known phonetically balanced sentences, and what is said at a desk
FIXED = """
the birch canoe slid on the smooth planks
glue the sheet to the dark blue background
it is easy to tell the depth of a well
these days a chicken leg is a rare dish
rice is often served in round bowls
the juice of lemons makes fine punch
the box was thrown beside the parked truck
the hogs were fed chopped corn and garbage
four hours of steady work faced us
a large size in stockings is hard to sell
the boy was there when the sun rose
a rod is used to catch pink salmon
the source of the huge river is the clear spring
kick the ball straight and follow through
help the woman get back to her feet
a pot of tea helps to pass the evening
smoky fires lack flame and heat
the soft cushion broke the man's fall
the salt breeze came across from the sea
the girl at the booth sold fifty bonds
the small pup gnawed a hole in the sock
the fish twisted and turned on the bent hook
press the pants and sew a button on the vest
the swan dive was far short of perfect
the beauty of the view stunned the young boy
two blue fish swam in the tank
her purse was full of useless trash
the colt reared and threw the tall rider
it snowed rained and hailed the same morning
read verse out loud for pleasure
how are you doing today
what is your favourite colour
i would like to go home now
can you help me please
please turn off the light
turn the music up
stop the music please
call my mother
set an alarm for seven in the morning
set a timer for ten minutes
remind me to buy some milk
what is the weather like today
will it rain tomorrow
play some jazz
open the window
close the door
lock the front door
what is the time
what day is it today
tell me a joke
i am very hungry
i lost my keys
where is my phone
send a message to anna
read my messages
take a picture
start the washing machine
turn on the heating
add eggs to the shopping list
how far is the moon
who wrote this book
i don't understand
could you repeat that
speak a little louder please
that is all for today
never mind
cancel that
yes please
no thank you
of course
maybe later
i am not sure
good night
see you tomorrow
happy birthday
excuse me
i have a question
my name is peter
my name is maria
we need two rooms for three nights
i would like to book a table for four
is there a discount for students
can i pay by card
do you have a vegetarian menu
where can i park my car
when does the next train leave
which platform does it leave from
how long does it take
i need a doctor
i missed my bus
is this seat free
what does it cost
that is too expensive
can i try it on
""".strip().split("\n")
DETERMINERS = "the the a my your our this that every his her".split()
OPENINGS = """
i want|please bring me|can you find|do you have|where is|i have lost|show me|tell me about|we are looking for
how much is|what is|i like|give me|open|did you see|please enter|press the button for|you have reached|thank you for
""".strip().replace("\n", "|").split("|")


def short_texts(common: list[str]) -> list[str]:
    """What is said alone: numbers, ordinals, letters, days, frequent words. A single word gives no context to guess from."""
    tens = [TENS[n] for n in range(2, 10)]
    ordinals = ORDINALS + stock("eleventh; twelfth; thirteenth; fourteenth; fifteenth; sixteenth; seventeenth; eighteenth; nineteenth")
    ordinals += [t[:-1] + "ieth" for t in tens] + [f"{t}-{o}" for t in tens for o in ORDINALS[:9]]
    numbers = [number(n) for n in range(101)] + [number(n) for n in range(200, 1000, 100)] + ["hundred", "thousand", "million", "oh"]
    letters = list("abcdefghijklmnopqrstuvwxyz")
    names = [w.lower() for w in DAYS + MONTHS]
    return list(dict.fromkeys(numbers + ordinals + letters + names + TELEPHONE + common[:500]))


class Sentences:
    """Makes sentences; `common` are frequent English words, most frequent first."""

    def __init__(self, common: list[str]):
        self.common = common

    def __call__(self, r: Random) -> str:
        """A sentence in small letters, without a full stop."""
        kinds = [self._fixed, self._random_words, self._numbers, self._dates_and_letters, self._transitive,
                 self._intransitive, self._opening, self._question]
        return r.choices(kinds, [12, 30, 10, 5, 16, 10, 10, 7])[0](r)

    def _noun_phrase(self, r: Random) -> str:
        noun = r.choice(TELEPHONE) if r.random() < 0.15 else r.choice(NOUNS)
        words = (r.choice(ADJECTIVES) + " " if r.random() < 0.5 else "") + noun
        head = r.choice(DETERMINERS)
        return with_a(words) if head == "a" else f"{head} {words}"

    def _fixed(self, r: Random) -> str:
        return r.choice(FIXED)

    def _random_words(self, r: Random) -> str:
        stock = self.common or NOUNS
        pick = lambda: r.choice(TELEPHONE) if r.random() < 0.1 else stock[int(len(stock) * r.random() ** 1.5)]
        return " ".join(pick() for _ in range(r.randint(1, 6)))

    def _numbers(self, r: Random) -> str:
        if r.random() < 0.5:
            return " ".join(ONES[r.randint(0, 9)] for _ in range(r.randint(1, 8)))
        return number(r.choice([r.randint(0, 100), r.randint(0, 1000), r.randint(1000, 9999)]))

    def _dates_and_letters(self, r: Random) -> str:
        day, month = r.choice(DAYS), r.choice(MONTHS)
        letters = " ".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randint(1, 5)))
        return r.choice([day, month, f"{day} the {r.choice(ORDINALS)} of {month}", letters]).lower()

    def _transitive(self, r: Random) -> str:
        tail = f" {r.choice(PREPOSITIONS)} {self._noun_phrase(r)}" if r.random() < 0.5 else ""
        return f"{self._noun_phrase(r)} {r.choice(TRANSITIVE)} {self._noun_phrase(r)}{tail}"

    def _intransitive(self, r: Random) -> str:
        tail = r.choice(ADVERBS) if r.random() < 0.5 else f"{r.choice(PREPOSITIONS)} {self._noun_phrase(r)}"
        return f"{self._noun_phrase(r)} {r.choice(INTRANSITIVE)} {tail}"

    def _opening(self, r: Random) -> str:
        return f"{r.choice(OPENINGS)} {self._noun_phrase(r)}"

    def _question(self, r: Random) -> str:
        where = f"{r.choice(PREPOSITIONS)} {self._noun_phrase(r)}"
        if r.random() < 0.5:
            return f"{r.choice(['is', 'was'])} {self._noun_phrase(r)} {where}"
        return f"there is {with_a(r.choice(ADJECTIVES) + ' ' + r.choice(NOUNS))} {where}"
