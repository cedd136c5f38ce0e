"""A call over WebRTC with aiortc, begun by openai's client: python aiortc_call.py http://127.0.0.1:8080/v1

The first question is spoken, the second about what the camera shows.
"""

import asyncio
import fractions
import json
import time

import av
import numpy
import scenario as s
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from openai import AsyncOpenAI

RATE = 48000
FRAME = RATE // 50
VISION = s.CASES["picture-spoken-5"]


class Microphone(AudioStreamTrack):
    """Plays what is said to it, and silence otherwise, at the pace of the clock."""

    def __init__(self):
        super().__init__()
        self.sound, self.position, self.began = numpy.zeros(0, "<i2"), 0, None

    def say(self, pcm):
        self.sound = numpy.concatenate([self.sound, numpy.frombuffer(pcm, "<i2")])

    async def recv(self):
        self.began = self.began or time.time()
        await asyncio.sleep(max(0, self.began + self.position / RATE - time.time()))
        data, self.sound = self.sound[:FRAME], self.sound[FRAME:]
        data = numpy.pad(data, (0, FRAME - len(data)))
        frame = av.AudioFrame.from_ndarray(data.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.position, fractions.Fraction(1, RATE)
        self.position += FRAME
        return frame


class Camera(VideoStreamTrack):
    """Shows one picture."""

    def __init__(self, case):
        super().__init__()
        with av.open(str(s.SAMPLES / case["image"])) as file:
            self.picture = next(file.decode(video=0)).reformat(format="yuv420p")

    async def recv(self):
        pts, base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(self.picture.to_ndarray(), "yuv420p")
        frame.pts, frame.time_base = pts, base
        return frame


class Call:
    """A call: its events, and how loud the voice was."""

    def __init__(self, instructions, camera=None):
        self.pc, self.microphone, self.instructions = RTCPeerConnection(), Microphone(), instructions
        self.events, self.loud, self.opened = asyncio.Queue(), 0, asyncio.Event()
        self.pc.addTrack(self.microphone)
        if camera:
            self.pc.addTrack(Camera(camera))
        self.channel = self.pc.createDataChannel("oai-events")
        self.channel.on("open", self.opened.set)
        self.channel.on("message", lambda text: self.events.put_nowait(json.loads(text)))
        self.pc.on("track", lambda track: asyncio.ensure_future(self.listen(track)))

    async def listen(self, track):
        while True:
            try:
                frame = await track.recv()
            except Exception:  # the call is over
                return
            self.loud += int((abs(frame.to_ndarray().astype("i4")) > 1000).sum())

    async def connect(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        client = AsyncOpenAI(base_url=s.base(), api_key="sk-local")
        response = await client.realtime.calls.create(
            sdp=self.pc.localDescription.sdp,
            session={"type": "realtime", "model": "gpt-realtime", "instructions": self.instructions},
        )
        where = response.response.headers["location"]
        s.check("Location", where.startswith("/v1/realtime/calls/rtc_"), where)
        self.id = where.rsplit("/", 1)[1]
        await self.pc.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
        await asyncio.wait_for(self.opened.wait(), 10)
        self.client = client

    async def until(self, kind):
        while True:
            event = await asyncio.wait_for(self.events.get(), 30)
            s.check("no error", event["type"] != "error", event) if event["type"] == "error" else None
            if event["type"] == kind:
                return event

    async def ask(self, case, *wanted):
        self.loud = 0
        self.microphone.say(s.speech(case, RATE, 0))
        for kind in ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "output_audio_buffer.started"):
            await self.until(kind)
        done = await self.until("response.done")
        words = done["response"]["output"][-1]["content"][0]["transcript"]
        s.expect("answer", words, *wanted)
        await self.until("output_audio_buffer.stopped")
        s.check(f"voice, {self.loud / RATE:.2f} s loud", self.loud > RATE / 10, self.loud)

    async def close(self):
        await self.client.realtime.calls.hangup(self.id)
        closed = asyncio.Event()
        self.channel.on("close", closed.set)
        if self.channel.readyState != "closed":
            await asyncio.wait_for(closed.wait(), 10)
        s.check("hung up", True)
        await self.pc.close()


async def main():
    call = Call(s.INSTRUCTIONS)
    await call.connect()
    session = await call.until("session.created")
    s.check("session", session["session"]["instructions"] == s.INSTRUCTIONS, session)
    await call.ask(s.SPOKEN, *s.WAITING_ROOM)
    await call.close()

    call = Call(VISION["system"], VISION)
    await call.connect()
    await asyncio.sleep(1)  # a look at the picture
    await call.ask(VISION, *s.LOOKED)
    await call.close()


asyncio.run(main())
