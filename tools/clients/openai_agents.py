"""openai-agents for Python: python openai_agents.py http://127.0.0.1:8080/v1"""

import asyncio
from typing import Literal

import scenario as s
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner

lights = []


@function_tool(name_override=s.TOOL["name"], description_override=s.TOOL["description"])
def set_light(room: Literal["hall", "kitchen"], on: bool) -> str:
    lights.append((room, on))
    return "done"


class Listener:
    """Reads the session's events and keeps what the checks ask for."""

    def __init__(self, session):
        self.session, self.answers, self.seen, self.changed = session, [], [], asyncio.Event()

    async def run(self):
        async for event in self.session:
            if event.type == "error":
                s.check("no error", False, event)
            if event.type == "raw_model_event":
                raw = event.data
                if raw.type == "raw_server_event":
                    self.server(raw.data)
            self.seen.append(event.type)
            self.changed.set()

    def server(self, event):
        if event["type"] == "response.done":
            self.answers.append(event["response"])
        self.seen.append(event["type"])

    async def until(self, what, true):
        async with asyncio.timeout(20):
            while not true():
                self.changed.clear()
                await self.changed.wait()
        return what

    async def answer(self):
        n = len(self.answers)
        await self.until("answer", lambda: len(self.answers) > n)
        return self.answers[-1]


def words(response):
    part = response["output"][-1]["content"][0]
    return part.get("transcript") or part.get("text")


async def ask(listener, message):
    n = len(listener.answers)
    await listener.session.send_message(message)
    await listener.until("answer", lambda: len(listener.answers) > n)
    return words(listener.answers[-1])


async def speak(session, pcm):
    for at in range(0, len(pcm), 4800):
        await session.send_audio(pcm[at:at + 4800])


async def main():
    agent = RealtimeAgent(name="Desk", instructions=s.INSTRUCTIONS)
    runner = RealtimeRunner(agent)
    async with await runner.run(model_config={"url": s.websocket(), "api_key": "sk-local"}) as session:
        listener = Listener(session)
        reading = asyncio.create_task(listener.run())
        s.expect("text", await ask(listener, s.TEXT), *s.SATURDAY)
        s.expect("second turn", await ask(listener, s.FOLLOW_UP), *s.SUNDAY)

        n = len(listener.answers)
        await speak(session, s.speech())
        await listener.until("spoken answer", lambda: len(listener.answers) > n)
        s.expect("spoken", words(listener.answers[-1]), *s.WAITING_ROOM)

        s.expect("picture", await ask(listener, {"type": "message", "role": "user", "content": [
            {"type": "input_image", "image_url": s.picture()}, {"type": "input_text", "text": s.LOOK}]}), *s.SEEN)

        # Speech while the answer is still being played: the client truncates what was not heard.
        n, listener.seen = len(listener.answers), []
        await listener.session.send_message(s.TEXT)
        await listener.until("sound", lambda: "audio" in listener.seen and len(listener.answers) > n)
        await speak(session, s.speech())
        await listener.until("interruption", lambda: "audio_interrupted" in listener.seen)
        await listener.until("truncation", lambda: "conversation.item.truncated" in listener.seen)
        s.check("interrupted, and what was not heard is cut", True)
        await listener.until("the answer to it", lambda: len(listener.answers) > n + 1)
        s.expect("after the interruption", words(listener.answers[-1]))
        reading.cancel()
    await forced()


async def forced():
    """A tool that must be called; its result is spoken."""
    agent = RealtimeAgent(name="Desk", instructions=s.INSTRUCTIONS, tools=[set_light])
    config = {"model_settings": {"tool_choice": "required", "output_modalities": ["text"]}}
    async with await RealtimeRunner(agent, config=config).run(model_config={"url": s.websocket(), "api_key": "sk-local"}) as session:
        listener = Listener(session)
        reading = asyncio.create_task(listener.run())
        await session.send_message("Please switch on the light in the kitchen.")
        await listener.until("tool", lambda: "tool_end" in listener.seen)
        s.check(f"tool called {lights[0]}", isinstance(lights[0][1], bool))
        reading.cancel()


asyncio.run(main())
