"""openai for Python over the HTTP API: python openai_http.py http://127.0.0.1:8080/v1

Chat completions, responses, transcription, speech, models and errors, whole and
streamed, and that what they return has the types of the package.
"""

import base64
import io
import json
import pathlib
import sys
import typing
import wave

import openai
import pydantic

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "samples"
CASES = {case["name"]: case for case in json.loads((SAMPLES / "cases.json").read_text())}
SPOKEN, PICTURE = CASES["question-0"], CASES["picture-0"]
TOOL = {
    "name": "set_light",
    "description": "Switches the light of a room.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"room": {"type": "string", "enum": ["hall", "kitchen"]}, "on": {"type": "boolean"}},
        "required": ["room", "on"],
        "additionalProperties": False,
    },
}


class Weather(pydantic.BaseModel):
    place: typing.Literal["Rome", "Oslo"]
    warm: bool


def check(what, right, seen=""):
    if not right:
        raise SystemExit(f"openai_http: {what}: FAILED {seen!r}")
    print(f"openai_http: {what}: ok")


def typed(value):
    """What the package would refuse if it were strict: it builds its types without looking."""
    type(value).model_validate(value.model_dump(mode="json", by_alias=True, warnings=False))
    return value


def data_uri(name):
    return "data:image/png;base64," + base64.b64encode((SAMPLES / name).read_bytes()).decode()


def refused(what, kind, call):
    try:
        call()
    except kind as error:
        check(what, error.body and error.body.get("message") and error.code, error)
    else:
        check(what, False, "no error")


def asks_in_chat(client):
    def chat(**options):
        options = {"model": "gpt-5", "temperature": 0, **options}
        options.setdefault("messages", [{"role": "user", "content": "What is the opposite of high?"}])
        return client.chat.completions.create(**options)

    answer = typed(chat())
    words = answer.choices[0].message.content
    check("chat", "low" in words.lower() and answer.usage.total_tokens > 0 and answer.model == "gpt-5", answer)
    chunks = list(chat(stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    check("chat, streamed", text == words and typed(chunks[-1]).usage.completion_tokens > 0, text)
    scored = typed(chat(logprobs=True, top_logprobs=3)).choices[0].logprobs.content
    spelled = b"".join(bytes(t.bytes) for t in scored).decode()
    check("log probabilities", spelled == words and all(len(t.top_logprobs) == 3 and t.logprob <= 0 for t in scored), spelled)
    check("best token first", all(t.top_logprobs[0].token == t.token for t in scored), scored)
    short = chat(max_completion_tokens=2)
    check("max_completion_tokens", short.choices[0].finish_reason == "length" and short.usage.completion_tokens == 2, short)
    seeds = {chat(temperature=2, seed=7, max_tokens=12).choices[0].message.content for _ in range(2)}
    check("seed", len(seeds) == 1, seeds)

    spoken = {"type": "input_audio", "input_audio": {"data": base64.b64encode((SAMPLES / SPOKEN["audio"]).read_bytes()).decode(), "format": "wav"}}
    heard = chat(messages=[{"role": "system", "content": SPOKEN["system"]}, {"role": "user", "content": [spoken]}])
    check("chat with sound", heard.choices[0].message.content.strip() == SPOKEN["reference_answer"] and heard.usage.prompt_tokens_details.audio_tokens > 0, heard)
    image = {"type": "image_url", "image_url": {"url": data_uri(PICTURE["image"])}}
    seen = chat(messages=[{"role": "system", "content": PICTURE["system"]}, {"role": "user", "content": [image, {"type": "text", "text": PICTURE["text"]}]}])
    check("chat with a picture", seen.choices[0].message.content.strip() == PICTURE["reference_answer"], seen)

    tool = {"type": "function", "function": TOOL}
    turn = [{"role": "user", "content": "Switch on the light in the kitchen."}]
    called = typed(chat(messages=turn, tools=[tool], tool_choice="required", parallel_tool_calls=False)).choices[0]
    call = called.message.tool_calls[0]
    arguments = json.loads(call.function.arguments)
    check("tool call", called.finish_reason == "tool_calls" and len(called.message.tool_calls) == 1 and arguments["room"] in ("hall", "kitchen"), called)
    turn += [called.message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": '{"on": true}'}]
    check("answer behind the tool", chat(messages=turn, tools=[tool]).choices[0].finish_reason in ("stop", "tool_calls"))
    deltas = [c.choices[0].delta.tool_calls for c in chat(messages=turn[:1], tools=[tool], tool_choice="required", stream=True) if c.choices]
    first = [d[0] for d in deltas if d and d[0].index == 0]
    arguments = json.loads("".join(d.function.arguments or "" for d in first))
    check("tool call, streamed", first[0].function.name == "set_light" and arguments["room"] in ("hall", "kitchen"), deltas)
    parsed = client.chat.completions.parse(model="x", messages=[{"role": "user", "content": "How warm is it in Rome?"}], response_format=Weather, max_tokens=200)
    check("response_format", isinstance(parsed.choices[0].message.parsed, Weather), parsed)

    refused("n=2 is refused", openai.BadRequestError, lambda: chat(n=2))
    refused("a picture on the net is refused", openai.BadRequestError,
            lambda: chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/x.png"}}]}]))


def asks_for_responses(client):
    def respond(**options):
        return client.responses.create(**{"model": "gpt-5", "temperature": 0, **options})

    first = respond(input="What is the opposite of high?", instructions="You are a helpful assistant.")
    check("response", "low" in first.output_text.lower() and first.status == "completed" and first.usage.output_tokens > 0, first)
    second = respond(input="And of big?", previous_response_id=first.id)
    check("second turn", second.usage.input_tokens > first.usage.input_tokens and second.previous_response_id == first.id, second)
    check("retrieved", client.responses.retrieve(second.id).output_text == second.output_text)
    check("input items", len(client.responses.input_items.list(second.id).data) == 3)
    client.responses.delete(first.id)
    refused("a deleted response is gone", openai.NotFoundError, lambda: client.responses.retrieve(first.id))
    unstored = respond(input="Hello", store=False)
    refused("an unstored response is gone", openai.NotFoundError, lambda: client.responses.retrieve(unstored.id))

    with client.responses.stream(model="x", input="What is the opposite of high?", temperature=0) as stream:
        kinds = [typed(event).type for event in stream]
        final = stream.get_final_response()
    check("response, streamed", final.output_text == first.output_text and kinds[0] == "response.created" and kinds[-1] == "response.completed"
          and "response.output_text.delta" in kinds, kinds)
    image = {"type": "input_image", "image_url": data_uri(PICTURE["image"])}
    seen = respond(instructions=PICTURE["system"], input=[{"role": "user", "content": [image, {"type": "input_text", "text": PICTURE["text"]}]}])
    check("response to a picture", seen.output_text.strip() == PICTURE["reference_answer"], seen.output_text)

    tool = {"type": "function", **TOOL}
    called = respond(input="Switch on the light in the kitchen.", tools=[tool], tool_choice="required", parallel_tool_calls=False)
    call = called.output[0]
    check("function call", call.type == "function_call" and json.loads(call.arguments)["room"] in ("hall", "kitchen"), called)
    after = respond(previous_response_id=called.id, tools=[tool], input=[{"type": "function_call_output", "call_id": call.call_id, "output": "on"}])
    check("response behind the call", after.status == "completed", after)
    parsed = client.responses.parse(model="x", input="How warm is it in Rome?", text_format=Weather, max_output_tokens=200)
    check("text_format", isinstance(parsed.output_parsed, Weather), parsed)


def speaks_and_listens(client):
    path = SAMPLES / SPOKEN["audio"]
    words = typed(client.audio.transcriptions.create(model="whisper-1", file=path))
    check("transcription", words.text == SPOKEN["spoken"], words)
    check("text", client.audio.transcriptions.create(model="whisper-1", file=path, response_format="text").strip() == words.text)
    verbose = client.audio.transcriptions.create(model="whisper-1", file=path, response_format="verbose_json")
    check("verbose_json", verbose.text == words.text and 0 <= verbose.segments[0].start < verbose.segments[0].end <= verbose.duration, verbose)
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=path, stream=True))
    deltas = "".join(e.delta for e in events if e.type == "transcript.text.delta")
    check("transcription, streamed", deltas.strip() == typed(events[-1]).text == words.text, events)
    refused("a broken file is refused", openai.BadRequestError, lambda: client.audio.transcriptions.create(model="x", file=("x.wav", b"RIFF\0\0\0\0WAVE")))

    try:
        spoken = client.audio.speech.create(model="tts-1", voice="alloy", input="Good morning.", response_format="wav").read()
    except openai.InternalServerError as error:
        check("no voice is said to be missing", error.code == "speech_not_available", error)
        return
    pcm = client.audio.speech.create(model="tts-1", voice="alloy", input="Good morning.", response_format="pcm").read()
    with wave.open(io.BytesIO(spoken)) as f:
        check("speech", f.getframerate() == 24000 and len(spoken) == 44 + len(pcm) and len(pcm) > 24000, len(spoken))
    for kind, magic in (("opus", b"OggS"), ("flac", b"fLaC")):
        with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Good morning.", response_format=kind) as r:
            check(f"speech as {kind}", r.read().startswith(magic))
    try:
        check("speech as mp3", len(client.audio.speech.create(model="tts-1", voice="alloy", input="Hello", response_format="mp3").read()) > 1000)
    except openai.BadRequestError as error:
        check("mp3 without ffmpeg is refused", error.code == "unsupported_format", error)


def main():
    client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2] if len(sys.argv) > 2 else "local", max_retries=0)
    models = client.models.list().data
    check("models", len(models) == 1 and client.models.retrieve(models[0].id).id == models[0].id)
    asks_in_chat(client)
    asks_for_responses(client)
    speaks_and_listens(client)


if __name__ == "__main__":
    main()
