"""What telephones and counters say: announcements put together from a small grammar.

None of the sentences is one of the recordings that evaluation uses: inventory leaves those out and splits checks it.
"""
from __future__ import annotations

from random import Random

from .words import DAYS, MONTHS, ORDINALS, number, stock

THINGS = stock("""
account; account number; address; agent; alarm; answer; appointment; area code; balance; bill; booking; call; call forwarding; caller;
code; conference; conference room; connection; credit card; customer number; date; department; desk; destination; dial tone; directory;
entry; extension; fax; first name; greeting; group; help desk; home number; last name; line; list; lock; machine; mailbox; meeting;
member; menu; message; mobile phone; name; network; number; office; operator; order; order number; paging system; party; password;
payment; person; phone; phone number; pin; position; queue; receipt; recording; request; reservation; room; room number; security
code; service; speed dial; station; supervisor; system; telephone; ticket; time; transfer; user; voice mail; wakeup call; zip code
""")
STATES = stock("""
available; not available; unavailable; busy; not in service; out of service; closed; open; full; empty; correct; incorrect; invalid;
valid; locked; unlocked; muted; active; not active; enabled; disabled; on hold; being recorded; being transferred; ready; not ready;
connected; disconnected; unknown; private; required; missing; saved; deleted; sent; received; confirmed; cancelled; too short; too
long; complete; not complete; extended; changed; accepted; rejected; forwarded; paused; restored; still open; no longer valid
""")
ACTIONS = stock("""
hear this again; listen to the message; repeat the message; delete this message; save the message; forward the message; send a reply; leave a
message; record your name; record a new greeting; change your password; change the language; speak to an operator; talk to an
agent; reach the front desk; return to the main menu; go back; go to the next message; hear the previous message; hear more options;
accept the call; reject the call; transfer this call; place another call; hang up; mute yourself; raise the volume; lower the volume;
start over; try again; continue; cancel; confirm; exit; finish; pause; stop the recording; join the meeting; leave the meeting; lock
the room; add a caller; dial by name; search by last name; enter another number; check your balance; pay by card; hold the line; log
in; log out; turn it off; turn it on; hear the time; set a reminder; play it again; review the recording; mark it as urgent
""")
KEYS = stock("star; pound; hash; the star key; the pound key; the hash key; any key; zero; one; two; three; four; five; six; seven; eight; nine")
PLACES = stock("""
sales; support; billing; accounting; reception; the front desk; the office; the warehouse; the workshop; the kitchen; the lobby; the main
building; the first floor; the second floor; customer service; technical support; the service department; the operator; the supervisor
""")
COUNTED = stock("call; message; person; caller; participant; member; minute; second; hour; day; attempt; agent; user; guest; number; entry; step; line")
MANNERS = stock("now; currently; no longer; already; not yet; still; temporarily; also")
# what is said alone: the spelling alphabet and the names of characters
SINGLE = stock("""
alpha; bravo; charlie; delta; echo; foxtrot; golf; hotel; india; juliet; kilo; lima; mike; november; oscar; papa; quebec; romeo; sierra; tango;
uniform; victor; whiskey; xray; yankee; zulu; zed; ampersand; at; asterisk; backslash; bracket; colon; comma; dash; dollar; dot; equals; hash;
hyphen; minus; parenthesis; percent; period; plus; pound; quote; semicolon; slash; space; star; tilde; underscore; exclamation; question;
morning; afternoon; evening; midnight; noon; o'clock; hours; minutes; seconds; tomorrow; today; yesterday; hello; goodbye; sorry; beep;
incoming; outgoing; followed; currently; otherwise; invalid; urgent; undefined; unidentified; conference; participants; reached; dialed
""")


class Telephone:
    """Makes announcements, in small letters, without a full stop."""

    def __call__(self, r: Random) -> str:
        kinds = {self.enter: 16, self.press: 16, self.state: 18, self.count: 12, self.thanks: 8, self.sorry: 8, self.you: 10, self.part: 12,
                 self.time: 6, self.two: 6}
        return r.choices(list(kinds), list(kinds.values()))[0](r)

    def thing(self, r: Random) -> str:
        return r.choice(["the ", "the ", "your ", "your ", "this ", "that ", "a new ", "another ", "the other ", "the current "]) + r.choice(THINGS)

    def enter(self, r: Random) -> str:
        verb = r.choice(["enter", "enter", "dial", "type in", "say", "key in", "confirm", "repeat", "check", "hold", "provide", "choose"])
        tail = r.choice(["", "", f" followed by {r.choice(KEYS)}", f" then press {r.choice(KEYS)}", " now", " after the tone", " again", " at any time"])
        return r.choice(["please ", "please ", "", "you may ", "you can ", "to begin "]) + f"{verb} {self.thing(r)}{tail}"

    def press(self, r: Random) -> str:
        key, action = r.choice(KEYS), r.choice(ACTIONS)
        return r.choice([f"press {key} to {action}", f"to {action} press {key}", f"for {r.choice(PLACES)} press {key}", f"please press {key} to {action}",
                         f"if you want to {action} press {key}", f"or press {key} to {action}", f"to {action}", f"press {key}",
                         f"if this is correct press {key}"])

    def state(self, r: Random) -> str:
        verb = r.choice(["is", "is", "is", "has been", "was", "will be", "cannot be", "may be", "are", "is now"])
        tail = r.choice(["", "", "", " at this time", " on this line", " right now", " for now", f" until {r.choice(DAYS).lower()}", " at the moment", " today"])
        plain = f"{self.thing(r)} {verb} {r.choice(STATES)}{tail}"
        return r.choice([plain, plain, f"{r.choice(THINGS)} {r.choice(STATES)}", f"{self.thing(r)} you have dialed {verb} {r.choice(STATES)}",
                         f"{self.thing(r)} is {r.choice(MANNERS)} {r.choice(STATES)}", f"{r.choice(STATES)} {r.choice(THINGS)}"])

    def count(self, r: Random) -> str:
        n, what = r.choice([r.randint(0, 12), r.randint(0, 100)]), r.choice(COUNTED)
        many = number(n) + " " + r.choice(["", "", "new ", "old ", "urgent ", "other ", "more "]) + (what if n == 1 else {"person": "people", "entry": "entries"}.get(what, what + "s"))
        return r.choice([f"you have {many}", f"there {'is' if n == 1 else 'are'} {many} in the {r.choice(['queue', 'conference', 'room', 'line', 'list', 'meeting', 'mailbox'])}",
                         f"{many} remaining", f"please wait {many}", f"in {many}", f"there are currently {many} waiting", f"you are number {number(n)} in line",
                         f"{many}", f"less than {many}", f"the next {many}", f"your call will be answered in {many}"])

    def thanks(self, r: Random) -> str:
        what = r.choice(["calling", "waiting", "holding", "your patience", "your call", "your order", "your time", "your help", "using our service", "your visit"])
        return r.choice([f"thank you for {what}", f"thanks for {what}", f"thank you for {what} goodbye", f"we thank you for {what}",
                         f"thank you for {what} please hold", f"we appreciate {what}", f"thank you for {what} have a nice day"])

    def sorry(self, r: Random) -> str:
        what = r.choice([f"{self.thing(r)} is {r.choice(STATES)}", f"that is not a valid {r.choice(THINGS)}", f"i did not understand {self.thing(r)}",
                         "i did not get that", f"there is no such {r.choice(THINGS)}", f"we could not find {self.thing(r)}", "nobody is here to take your call",
                         f"you do not have access to {self.thing(r)}", f"that {r.choice(THINGS)} does not exist", "your call cannot be completed"])
        return r.choice(["i'm sorry ", "sorry ", "we are sorry ", "we're sorry ", "i am sorry ", "", ""]) + what

    def you(self, r: Random) -> str:
        doing = r.choice([f"being connected to {r.choice(PLACES)}", f"the {r.choice(ORDINALS)} caller", f"about to leave {self.thing(r)}", "on mute", "not alone",
                          f"in {self.thing(r)}", f"leaving {self.thing(r)}", f"entering {self.thing(r)}", "waiting", "next in line", f"transferred to {r.choice(PLACES)}"])
        return r.choice([f"you are {doing}", f"you are {r.choice(MANNERS)} {doing}", f"you will be {doing}", f"you have reached {r.choice(PLACES)}",
                         f"you have entered {self.thing(r)}", f"you must enter {self.thing(r)}", f"you may {r.choice(ACTIONS)}", f"you cannot {r.choice(ACTIONS)}",
                         f"do you want to {r.choice(ACTIONS)}", f"do not {r.choice(ACTIONS)}", f"please {r.choice(ACTIONS)}"])

    def part(self, r: Random) -> str:
        """Pieces that machines put announcements together from."""
        return r.choice([f"from {self.thing(r)}", f"to {self.thing(r)}", f"for {r.choice(PLACES)}", f"on {self.thing(r)}", f"at {self.thing(r)}", f"in {self.thing(r)}",
                         f"by {self.thing(r)}", f"and {self.thing(r)}", f"or {self.thing(r)}", f"has {r.choice(['left', 'joined', 'entered', 'changed', 'found'])} {self.thing(r)}",
                         f"is {r.choice(STATES)}", f"will be {r.choice(STATES)}", f"number {number(r.randint(0, 99))}", f"the {r.choice(ORDINALS)} {r.choice(THINGS)}",
                         f"no {r.choice(THINGS)}", f"all {r.choice(THINGS)}s", f"{r.choice(MANNERS)} {r.choice(STATES)}", f"followed by {r.choice(KEYS)}"])

    def time(self, r: Random) -> str:
        hour, minute = number(r.randint(1, 12)), r.randint(1, 59)
        clock = f"{hour} {'oh ' if minute < 10 else ''}{number(minute)}"
        return r.choice([f"the time is {clock}", f"{clock} {r.choice(['a m', 'p m'])}", f"at {hour} o'clock", f"{hour} o'clock in the {r.choice(['morning', 'evening', 'afternoon'])}",
                         f"{r.choice(DAYS)} {r.choice(MONTHS)} {r.choice(ORDINALS)}".lower(), f"received on {r.choice(DAYS)} at {clock}".lower(), f"on {r.choice(MONTHS)} {number(r.randint(1, 31))}".lower()])

    def two(self, r: Random) -> str:
        """Two or three words of the trade, in any order."""
        words = [r.choice(THINGS), r.choice(STATES), r.choice(SINGLE), r.choice(THINGS).split()[-1]]
        return " ".join(r.sample(words, r.choice([1, 2, 2, 3])))
