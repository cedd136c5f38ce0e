"""What every client does in its conversation, and how its answers are judged.

The embedded model answers; its exact words may change with its weights, so an
answer is right when it holds the words that matter.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import wave

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "samples"
CASES = {case["name"]: case for case in json.loads((SAMPLES / "cases.json").read_text())}

SPOKEN = CASES["kiosk-3"]  # where the waiting room is
INSTRUCTIONS = SPOKEN["system"]
PICTURE = CASES["picture-0"]

TEXT = "What are your opening hours on Saturday?"
FOLLOW_UP = "And on Sunday?"
LOOK = "What do you see?"

TOOL = {
    "type": "function",
    "name": "set_light",
    "description": "Switches the light of a room.",
    "parameters": {
        "type": "object",
        "properties": {
            "room": {"type": "string", "enum": ["hall", "kitchen"]},
            "on": {"type": "boolean"},
        },
        "required": ["room", "on"],
        "additionalProperties": False,
    },
}


def base():
    """The base URL that was given: http://127.0.0.1:8080/v1."""
    return sys.argv[1].rstrip("/")


def websocket():
    """The same for a WebSocket."""
    return "ws" + base().removeprefix("http") + "/realtime"


def speech(case=SPOKEN, rate=24000, silence=4.5):
    """A spoken case as 16-bit PCM at rate, and more silence than any turn is waited for."""
    return pcm(SAMPLES / case["audio"], rate, silence)


def say(text):
    """A text as espeak-ng speaks it, the same way."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as f:
        subprocess.run(["espeak-ng", "-s", "140", "-w", f.name, text], check=True)
        return pcm(f.name, 24000, 4.5)


def pcm(path, rate, silence):
    import numpy

    with wave.open(str(path)) as f:
        samples = numpy.frombuffer(f.readframes(f.getnframes()), "<i2").astype("f4")
        own = f.getframerate()
    at = numpy.arange(int(len(samples) * rate / own)) * own / rate
    samples = numpy.interp(at, numpy.arange(len(samples)), samples)
    samples = numpy.concatenate([samples, numpy.zeros(int(rate * silence))])
    return samples.astype("<i2").tobytes()


def picture(case=PICTURE):
    """The picture as a data URI."""
    return "data:image/png;base64," + base64.b64encode(picture_bytes(case)).decode()


def picture_bytes(case=PICTURE):
    return (SAMPLES / case["image"]).read_bytes()


def plain(text):
    return "".join(c for c in text.lower() if c.isalnum() or c in " :.").replace(" .", ".")


def expect(what, answer, *words):
    """Ends the program unless answer holds all words."""
    missing = [w for w in words if w.lower() not in plain(answer)]
    if missing or not plain(answer).strip():
        print(f"FAILED {what}: {answer!r} lacks {missing}", flush=True)
        os._exit(1)
    print(f"ok {what}: {answer}", flush=True)


def check(what, true, shown=""):
    """Ends the program unless true."""
    if not true:
        print(f"FAILED {what}: {shown}", flush=True)
        os._exit(1)
    print(f"ok {what}", flush=True)


def expect_call(what, name, arguments):
    """A call of TOOL must be valid to its schema."""
    value = json.loads(arguments) if isinstance(arguments, str) else arguments
    good = (
        name == TOOL["name"]
        and set(value) == {"room", "on"}
        and value["room"] in ("hall", "kitchen")
        and isinstance(value["on"], bool)
    )
    check(f"{what} {name} {value}", good, f"{name} {arguments}")


SATURDAY = ("2:30 pm",)
SUNDAY = ("8 am", "6 pm")
WAITING_ROOM = ("third floor",)
SEEN = ("heart", "rectangle")
LOOKED = ("pill", "fox", "door")
