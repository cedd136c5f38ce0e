"""Pipecat's openai realtime service: python pipecat_realtime.py http://127.0.0.1:8080/v1"""

import asyncio
import io

import scenario as s
from loguru import logger
from PIL import Image
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame, InputAudioRawFrame, InputImageRawFrame, InterruptionFrame, LLMFullResponseEndFrame, LLMRunFrame,
    TTSAudioRawFrame, TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

logger.remove()


class Ear(FrameProcessor):
    """Stands where the speaker would and keeps what comes by."""

    def __init__(self):
        super().__init__()
        self.words, self.sound, self.answers, self.cuts, self.changed = "", 0, [], 0, asyncio.Event()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, ErrorFrame):
            s.check("no error", False, frame)
        if isinstance(frame, TTSTextFrame):
            self.words += frame.text
        if isinstance(frame, TTSAudioRawFrame):
            self.sound += len(frame.audio)
        if isinstance(frame, InterruptionFrame):
            self.cuts += 1
        if isinstance(frame, LLMFullResponseEndFrame) and self.words:
            self.answers.append(self.words)
            self.words = ""
        self.changed.set()
        await self.push_frame(frame, direction)

    async def until(self, true):
        async with asyncio.timeout(20):
            while not true():
                self.changed.clear()
                await self.changed.wait()


def service(**properties):
    return OpenAIRealtimeLLMService(
        api_key="sk-local", base_url=s.websocket(),
        settings=OpenAIRealtimeLLMService.Settings(
            model="gemma-4",
            session_properties=events.SessionProperties(instructions=s.INSTRUCTIONS, **properties)))


class Talk:
    """A pipeline that runs, and a first text turn."""

    def __init__(self, llm, first, tools=None):
        self.ear, self.context = Ear(), LLMContext([{"role": "user", "content": first}], **({"tools": tools} if tools else {}))
        pair = LLMContextAggregatorPair(self.context)
        self.task = PipelineTask(Pipeline([pair.user(), llm, self.ear, pair.assistant()]),
                                 params=PipelineParams(audio_in_sample_rate=24000, audio_out_sample_rate=24000))

    async def __aenter__(self):
        self.running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(self.task))
        await self.task.queue_frames([LLMRunFrame()])
        return self

    async def __aexit__(self, *_):
        await self.task.cancel()
        await asyncio.wait([self.running], timeout=5)

    async def speak(self, pcm):
        for at in range(0, len(pcm), 960):
            await self.task.queue_frame(InputAudioRawFrame(pcm[at:at + 960], 24000, 1))

    async def answer(self, n):
        await self.ear.until(lambda: len(self.ear.answers) > n)
        return self.ear.answers[n]


async def main():
    async with Talk(service(), s.TEXT) as talk:
        s.expect("text", await talk.answer(0), *s.SATURDAY)
        s.check("aloud", talk.ear.sound > 48000, talk.ear.sound)
        await talk.speak(s.say(s.FOLLOW_UP))
        s.expect("second turn", await talk.answer(1), *s.SUNDAY)
        await talk.speak(s.speech())
        s.expect("spoken", await talk.answer(2), *s.WAITING_ROOM)

        image = Image.open(io.BytesIO(s.picture_bytes())).convert("RGB")
        await talk.task.queue_frame(InputImageRawFrame(image=image.tobytes(), size=image.size, format="RGB"))
        await talk.speak(s.say(s.LOOK))
        s.expect("picture", await talk.answer(3), *s.SEEN)

        for turn in range(20):
            n = len(talk.ear.answers)
            await talk.speak(s.speech())
            await talk.ear.until(lambda: len(talk.ear.answers) > n)
        s.check(f"20 barge-ins, {talk.ear.cuts} seen", talk.ear.cuts >= 20, talk.ear.cuts)

    called = asyncio.Event()

    async def set_light(params):
        s.expect_call("forced call", params.function_name, dict(params.arguments))
        await params.result_callback({"ok": True})
        called.set()

    schema = FunctionSchema(name=s.TOOL["name"], description=s.TOOL["description"],
                            properties=s.TOOL["parameters"]["properties"], required=s.TOOL["parameters"]["required"])
    llm = service(tool_choice="required")
    llm.register_function(s.TOOL["name"], set_light)
    async with Talk(llm, "Please switch on the light in the kitchen.", ToolsSchema(standard_tools=[schema])):
        await asyncio.wait_for(called.wait(), 20)


asyncio.run(main())
