"""The chat template of the tiny checkpoints and the conversations it is tested with."""
from __future__ import annotations

from pathlib import Path


def chat_template(empty_thought: bool) -> str:
    """The template's text. The large models (12B, 26B, 31B) pre-fill an empty thought when thinking is off."""
    text = Path(__file__).with_name("chat_template.jinja").read_text(encoding="utf-8")
    return text.replace("@EMPTY_THOUGHT@", "true" if empty_thought else "false").replace(
        "@FLAVOUR@", "large" if empty_thought else "small"
    )


def render_chat(template: str, **kw) -> str:
    """The prompt text of a conversation; `kw` are the template's variables (messages, tools, ...)."""
    import jinja2.sandbox

    env = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    return env.from_string(template).render(bos_token="<bos>", **kw)


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather now",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "City name"},
                "unit": {"type": "string", "enum": ["C", "F"]},
            },
            "required": ["city"],
        },
    },
}
BOOKING = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Book it",
        "parameters": {
            "type": "object",
            "properties": {
                "when": {
                    "type": "object", "description": "date", "required": ["day"],
                    "properties": {"day": {"type": "integer"}, "tz": {"type": "string", "nullable": True}},
                },
                "tags": {"type": "array", "description": "t", "items": {"type": "string", "enum": ["a"]}},
                "parts": {
                    "type": "array",
                    "items": {"type": "object", "required": ["n"], "properties": {"n": {"type": "number", "description": "num"}}},
                },
                "free": {"type": "object", "foo": {"type": "string"}},
            },
            "required": ["when", "tags"],
        },
        "response": {"description": "resp", "type": "object"},
    },
}
_CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": {
    "city": "Oslo", "n": 3, "ok": True, "z": None, "l": ["a", 1.5], "o": {"k": "v"}}}}
_ASKED = [{"role": "user", "content": "Weather in Oslo?"}, {"role": "assistant", "tool_calls": [_CALL]}]
_ANSWERED = _ASKED + [{"role": "tool", "tool_call_id": "c1", "content": '{"t": 5}'}]
CHAT_CASES = {
    "plain": dict(messages=[{"role": "user", "content": "Hi"}], add_generation_prompt=True),
    "system_multi_turn": dict(
        messages=[
            {"role": "system", "content": "Be brief. "},
            {"role": "user", "content": " Hello "},
            {"role": "assistant", "content": "<|channel>thought\nhm<channel|>Hey!"},
            {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
        ],
        add_generation_prompt=True,
    ),
    "media": dict(
        messages=[{"role": "user", "content": [
            {"type": "image"}, {"type": "text", "text": "What is this?"}, {"type": "audio"}, {"type": "video"}]}],
        add_generation_prompt=True,
    ),
    "thinking": dict(messages=[{"role": "user", "content": "2+2?"}], add_generation_prompt=True, enable_thinking=True),
    "thought_of_last_turn": dict(
        messages=[{"role": "user", "content": "q"}, {"role": "assistant", "reasoning_content": "why", "content": "a"}],
        add_generation_prompt=False,
    ),
    "thought_of_old_turn": dict(
        messages=[{"role": "user", "content": "q"}, {"role": "assistant", "reasoning_content": "why", "content": "a"},
                  {"role": "user", "content": "q2"}],
        add_generation_prompt=True,
    ),
    "tools_declared": dict(messages=[{"role": "user", "content": "x"}], tools=[BOOKING, WEATHER], add_generation_prompt=True),
    "tool_pending": dict(messages=_ASKED, tools=[WEATHER], add_generation_prompt=True),
    "tool_answered": dict(messages=_ANSWERED, tools=[WEATHER], add_generation_prompt=True),
    "tool_answered_thinking": dict(messages=_ANSWERED, tools=[WEATHER], add_generation_prompt=True, enable_thinking=True),
    "tool_done": dict(
        messages=_ANSWERED + [{"role": "assistant", "content": "It is 5 C."}, {"role": "user", "content": "Thanks"}],
        tools=[WEATHER], add_generation_prompt=True,
    ),
    "two_calls_out_of_order": dict(
        messages=[
            {"role": "user", "content": "W?"},
            {"role": "assistant", "content": "Let me look.", "tool_calls": [
                {"id": "a", "function": {"name": "f", "arguments": {"x": 1}}},
                {"id": "b", "function": {"name": "g", "arguments": "{\"y\":2}"}}]},
            {"role": "tool", "tool_call_id": "b", "content": "B"},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "A"}, {"type": "image"}]},
            {"role": "assistant", "content": "done"},
        ],
        add_generation_prompt=False,
    ),
    "developer_parts": dict(
        messages=[{"role": "developer", "content": [{"type": "text", "text": " A "}, {"type": "text", "text": "B"}]},
                  {"role": "user", "content": "x"}],
        add_generation_prompt=True,
    ),
}

