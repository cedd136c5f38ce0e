"""pydantic-ai's realtime agent: python pydantic_ai_realtime.py http://127.0.0.1:8080/v1

It refuses to force a call of a tool in a realtime session, so none is asked for.
"""

import asyncio

import scenario as s
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.messages import ModelResponse, SpeechPart, TextPart
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime import RealtimeSessionErrorEvent, RealtimeTurnCompleteEvent
from pydantic_ai.realtime.openai import OpenAIRealtimeModel


def words(session):
    """What the model said last."""
    for message in reversed(session.all_messages()):
        if isinstance(message, ModelResponse):
            for part in reversed(message.parts):
                if isinstance(part, TextPart):
                    return part.content
                if isinstance(part, SpeechPart) and part.transcript:
                    return part.transcript
    return ""


class Talk:
    """A session whose events are read all the time."""

    def __init__(self, session):
        self.session, self.turns, self.changed = session, 0, asyncio.Event()

    async def read(self):
        async for event in self.session:
            if isinstance(event, RealtimeSessionErrorEvent):
                s.check("no error", False, event)
            if isinstance(event, RealtimeTurnCompleteEvent):
                self.turns += 1
            self.changed.set()

    async def until(self, true):
        async with asyncio.timeout(20):
            while not true():
                self.changed.clear()
                await self.changed.wait()

    async def ask(self, content, *wanted):
        await self.session.send(content)
        await asyncio.wait_for(self.session.wait_for_reply(), 20)
        s.expect("answer", words(self.session), *wanted)


async def main():
    agent = Agent(instructions=s.INSTRUCTIONS)
    model = OpenAIRealtimeModel("gemma-4", provider=OpenAIProvider(base_url=s.base(), api_key="sk-local"))
    async with agent.realtime(model=model).session() as session:
        talk = Talk(session)
        reading = asyncio.create_task(talk.read())
        await talk.ask(s.TEXT, *s.SATURDAY)
        await talk.ask(s.FOLLOW_UP, *s.SUNDAY)
        await session.send_audio(s.speech())
        await talk.until(lambda: s.WAITING_ROOM[0] in words(session))
        s.expect("spoken", words(session), *s.WAITING_ROOM)
        await session.send(BinaryContent(s.picture_bytes(), media_type="image/png"))
        await talk.ask(s.LOOK, *s.SEEN)

        await session.send(s.TEXT)
        await asyncio.wait_for(session.wait_for_reply(), 20)
        before = words(session)
        await session.send_audio(s.speech())
        await talk.until(lambda: words(session) not in ("", before))
        s.expect("after the interruption", words(session))
        reading.cancel()


asyncio.run(main())
