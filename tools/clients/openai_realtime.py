"""openai for Python over /v1/realtime: python openai_realtime.py http://127.0.0.1:8080/v1"""

import asyncio
import base64

import openai
import scenario as s


class Conversation:
    """A connection, and the answers that come over it."""

    def __init__(self, connection):
        self.c = connection

    async def until(self, kind):
        async for event in self.c:
            s.check("no error", event.type != "error", event) if event.type == "error" else None
            if event.type == kind:
                return event
        s.check(f"{kind} before the end", False)

    async def say(self, *content):
        await self.c.conversation.item.create(item={"type": "message", "role": "user", "content": list(content)})

    async def answer(self, **response):
        await self.c.response.create(response=response)
        done = await self.until("response.done")
        s.check("completed", done.response.status == "completed", done.response)
        return done.response


def words(response):
    part = response.output[0].content[0]
    return part.text or part.transcript


async def main():
    client = openai.AsyncOpenAI(base_url=s.base(), api_key="sk-local")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        t = Conversation(connection)
        await t.until("session.created")
        await connection.session.update(session={
            "type": "realtime", "instructions": s.INSTRUCTIONS, "output_modalities": ["text"],
            "audio": {"input": {"turn_detection": {"type": "server_vad"}}},
        })
        await t.until("session.updated")

        await t.say({"type": "input_text", "text": s.TEXT})
        s.expect("text", words(await t.answer()), *s.SATURDAY)
        await t.say({"type": "input_text", "text": s.FOLLOW_UP})
        second = await t.answer()
        s.expect("second turn", words(second), *s.SUNDAY)
        s.check("cached", second.usage.input_token_details.cached_tokens > 0, second.usage)

        pcm = s.speech()
        for at in range(0, len(pcm), 4800):
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm[at:at + 4800]).decode())
        for kind in ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
                     "input_audio_buffer.committed", "conversation.item.added", "response.created"):
            await t.until(kind)
        done = await t.until("response.done")
        s.expect("spoken", words(done.response), *s.WAITING_ROOM)

        await t.say({"type": "input_image", "image_url": s.picture()}, {"type": "input_text", "text": s.LOOK})
        s.expect("picture", words(await t.answer(instructions=s.PICTURE["system"])), *s.SEEN)

        call = (await t.answer(tools=[s.TOOL], tool_choice={"type": "function", "name": s.TOOL["name"]})).output[0]
        s.expect_call("forced call", call.name, call.arguments)
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": '{"ok":true}'})
        await t.answer()

        await interrupted(t)


async def interrupted(t):
    """An answer that is cut off, and the conversation goes on."""
    await t.say({"type": "input_text", "text": s.TEXT})
    await t.c.response.create()
    created = await t.until("response.created")
    await t.c.response.cancel(response_id=created.response.id)
    async for event in t.c:
        if event.type == "response.done":
            s.check("cancelled or just completed", event.response.status in ("cancelled", "completed"), event)
            break
    await t.say({"type": "input_text", "text": s.TEXT})
    await t.c.response.create()
    async for event in t.c:  # the cancel that came too late is answered by an error
        if event.type == "error":
            s.check("late cancel", event.error.code == "response_cancel_not_active", event)
        if event.type == "response.done":
            s.expect("after the interruption", words(event.response), "saturday")
            return


asyncio.run(main())
