"""LiveKit's openai realtime plugin: python livekit_realtime.py http://127.0.0.1:8080/v1"""

import asyncio

import scenario as s
from livekit import rtc
from livekit.agents import llm, utils
from livekit.agents.llm import ImageContent, function_tool
from livekit.plugins import openai


@function_tool(raw_schema={k: s.TOOL[k] for k in ("name", "description", "parameters")})
async def set_light(raw_arguments: dict):
    return "done"


async def read(generation):
    """The words, the seconds of sound and the calls of an answer."""
    words, seconds, calls = "", 0.0, []

    async def messages():
        nonlocal words, seconds
        async for message in generation.message_stream:
            async for piece in message.text_stream:
                words += str(piece)
            async for frame in message.audio_stream:
                seconds += frame.duration

    async def functions():
        async for call in generation.function_stream:
            calls.append(call)

    await asyncio.gather(messages(), functions())
    return words, seconds, calls


async def ask(session, *content):
    ctx = session.chat_ctx.copy()
    ctx.add_message(role="user", content=list(content))
    await session.update_chat_ctx(ctx)
    return await read(await session.generate_reply())


async def speak(session, pcm, pace=0.0):
    for at in range(0, len(pcm), 4800):
        data = pcm[at:at + 4800]
        session.push_audio(rtc.AudioFrame(data, 24000, 1, len(data) // 2))
        await asyncio.sleep(pace)


async def main():
    utils.http_context._new_session_ctx()
    model = openai.realtime.RealtimeModel(model="gemma-4", api_key="sk-local", base_url=s.base())
    session = model.session()
    session.on("error", lambda e: s.check("no error", False, e))
    generations = asyncio.Queue()
    session.on("generation_created", generations.put_nowait)
    await session.update_instructions(s.INSTRUCTIONS)

    words, seconds, _ = await ask(session, s.TEXT)
    s.expect("text", words, *s.SATURDAY)
    s.check(f"aloud, {seconds:.1f} s", seconds > 1)
    s.expect("second turn", (await ask(session, s.FOLLOW_UP))[0], *s.SUNDAY)

    while not generations.empty():
        generations.get_nowait()
    await speak(session, s.speech())
    s.expect("spoken", (await read(await asyncio.wait_for(generations.get(), 20)))[0], *s.WAITING_ROOM)

    s.expect("picture", (await ask(session, ImageContent(image=s.picture()), s.LOOK))[0], *s.SEEN)

    await interrupted(session, generations)

    await session.update_tools([set_light])
    session.update_options(tool_choice="required")
    _, _, calls = await ask(session, "Please switch on the light in the kitchen.")
    s.expect_call("forced call", calls[0].name, calls[0].arguments)
    await session.aclose()
    await model.aclose()


async def interrupted(session, generations):
    """Speech while an answer is played: what was not heard is cut off."""
    started = asyncio.Event()
    session.once("input_speech_started", lambda _: started.set())
    ctx = session.chat_ctx.copy()
    ctx.add_message(role="user", content=s.TEXT)
    await session.update_chat_ctx(ctx)
    first = await session.generate_reply()
    message = await anext(aiter(first.message_stream))
    while not generations.empty():
        generations.get_nowait()
    pcm = s.speech()
    await speak(session, pcm[:48000])
    await asyncio.wait_for(started.wait(), 20)
    session.interrupt()
    session.truncate(message_id=message.message_id, modalities=["audio"], audio_end_ms=600)
    await speak(session, pcm[48000:])
    s.expect("after the interruption", (await read(await asyncio.wait_for(generations.get(), 20)))[0])
    item = session.chat_ctx.get_by_id(message.message_id)
    s.check("the item is kept", item is not None)


asyncio.run(main())
