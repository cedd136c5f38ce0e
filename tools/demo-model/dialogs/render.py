"""A dialogue in Gemma 4's chat format, as pieces that say what is learned."""
from __future__ import annotations

from dataclasses import dataclass, field

from .tools import Tool


@dataclass
class Turn:
    """One turn of the user and what the model does with it."""

    user: str  # what is said or typed
    answer: str
    picture: int | None = None  # a picture that is shown with it
    sound: str = "speech"  # speech, noise or silence: what a clip of it holds
    must_speak: bool = False  # only as speech: the text is what the answer repeats
    typed: str = ""  # typed beside the speech
    call: tuple[str, dict] | None = None  # name of the tool, arguments
    result: dict | None = None
    thought: str = ""


@dataclass
class Dialog:
    """System prompt, tools and turns."""

    system: str | None
    turns: list[Turn]
    tools: list[Tool] = field(default_factory=list)
    think: bool = False


@dataclass
class Piece:
    """A stretch of tokens: text, a clip or a picture; `learned` says whether the model has to say it."""

    kind: str  # text, turn_start, turn_end, clip, picture
    text: str = ""
    learned: bool = False
    turn: Turn | None = None


def quoted(s: str) -> str:
    return f'<|"|>{s}<|"|>'


def value(v) -> str:
    if isinstance(v, bool):
        return "true" if v else "false"
    return quoted(v) if isinstance(v, str) else "null" if v is None else str(v)


def by_key(m: dict) -> list:
    return sorted(m.items(), key=lambda kv: kv[0].lower())


def mapping(m: dict) -> str:
    return "{" + ",".join(f"{k}:{value(v)}" for k, v in by_key(m)) + "}"


def declaration(tool: dict) -> str:
    """The text of one declaration; parameters of plain types only, which is all that tools.py makes."""
    fn = tool["function"]
    props = []
    for name, p in by_key(fn["parameters"]["properties"]):
        parts = [f"description:{quoted(p['description'])}"] if p.get("description") else []
        if p.get("enum"):
            parts.append("enum:[" + ",".join(quoted(x) for x in p["enum"]) + "]")
        parts.append(f"type:{quoted(p['type'].upper())}")
        props.append(f"{name}:{{{','.join(parts)}}}")
    required = fn["parameters"].get("required")
    text = "properties:{" + ",".join(props) + "},"
    if required:
        text += "required:[" + ",".join(quoted(x) for x in required) + "],"
    text += f"type:{quoted('OBJECT')}"
    return f"declaration:{fn['name']}{{description:{quoted(fn['description'])},parameters:{{{text}}}}}"


def pieces(d: Dialog) -> list[Piece]:
    """The whole dialogue after <bos>."""
    out: list[Piece] = []
    put = lambda kind, text="", learned=False, turn=None: out.append(Piece(kind, text, learned, turn))
    if d.system or d.tools or d.think:
        put("turn_start", "system")
        head = ("<|think|>\n" if d.think else "") + (d.system or "").strip()
        put("text", head + "".join(f"<|tool>{declaration(t.declaration)}<tool|>" for t in d.tools))
        put("turn_end")
    for i, t in enumerate(d.turns):
        put("turn_start", "user")
        if t.picture is not None:
            put("picture", turn=t)
        put("clip", t.user, turn=t)
        put("turn_end")
        put("turn_start", "model")
        learned = True
        if d.think and i < len(d.turns) - 1:
            learned = False  # thoughts of earlier turns are not kept: nothing to learn from these answers
        elif d.think:
            put("text", f"<|channel>thought\n{t.thought}\n<channel|>", True)
        if t.call:
            put("text", f"<|tool_call>call:{t.call[0]}{mapping(t.call[1])}<tool_call|><|tool_response>", learned)
            put("text", f"response:{t.call[0]}{mapping(t.result)}<tool_response|>")
            if d.think and learned:
                put("text", "<|channel>thought\n")
                put("text", "It is done.\n<channel|>", True)
        put("text", t.answer, learned)
        put("turn_end", learned=learned)
    return out


def messages(d: Dialog, upto: int) -> tuple[list[dict], list[dict]]:
    """The same as chat messages and tools, up to and including what the user says in turn `upto`."""
    out = [{"role": "system", "content": d.system}] if d.system else []
    for i, t in enumerate(d.turns[: upto + 1]):
        content = [{"type": "image"}] if t.picture is not None else []
        content.append({"type": "text", "text": t.user})
        out.append({"role": "user", "content": content})
        if i < upto and t.call:
            call = {"id": f"c{i}", "type": "function", "function": {"name": t.call[0], "arguments": t.call[1]}}
            out.append({"role": "assistant", "tool_calls": [call], "content": t.answer,
                        "tool_responses": [{"name": t.call[0], "response": t.result}]})
        elif i < upto:
            out.append({"role": "assistant", "content": t.answer})
    return out, [t.declaration for t in d.tools]
