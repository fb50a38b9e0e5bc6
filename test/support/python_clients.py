"""Unmodified clients of PyPI against the service. Arguments: its address, and the models to ask. Prints one JSON line per check; ends with 1 where one has failed."""

import json
import sys
import traceback

import anthropic
import openai

url, models = sys.argv[1], sys.argv[2:]
client = openai.OpenAI(base_url=url + "/v1", api_key="sk-caller", max_retries=0)
claude = anthropic.Anthropic(base_url=url, api_key="sk-caller", max_retries=0)
png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
question = [{"role": "user", "content": "one two three"}]


def openai_chat(model):
    answer = client.chat.completions.create(model=model, messages=question, max_tokens=5)
    assert "word" in answer.choices[0].message.content
    assert answer.usage.prompt_tokens == 3


def openai_stream(model):
    stream = client.chat.completions.create(model=model, messages=question, max_tokens=4, stream=True)
    assert "word" in "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def openai_tools(model):
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in ("get_weather", "get_time")]
    answer = client.chat.completions.create(model=model, messages=question, tools=tools)
    calls = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert all(json.loads(call.function.arguments) == {"city": "word"} for call in calls)


def openai_image(model):
    content = [{"type": "text", "text": "what is this"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + png}}]
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}], max_tokens=2)
    assert answer.usage.prompt_tokens == 3


def openai_error(model):
    try:
        client.chat.completions.create(model=model, messages=[])
    except openai.BadRequestError:
        return
    raise AssertionError("an empty conversation was answered")


def openai_abort(model):
    stream = client.chat.completions.create(model=model, messages=question, max_tokens=1000, stream=True)
    next(iter(stream))
    stream.close()


def anthropic_message(model):
    answer = claude.messages.create(model=model, messages=question, max_tokens=5)
    assert "word" in answer.content[0].text
    assert answer.usage.input_tokens == 3


def anthropic_stream(model):
    with claude.messages.stream(model=model, messages=question, max_tokens=4) as stream:
        assert "word" in "".join(stream.text_stream)
        assert stream.get_final_message().usage.output_tokens > 0


def anthropic_tools(model):
    tools = [{"name": name, "input_schema": schema} for name in ("get_weather", "get_time")]
    with claude.messages.stream(model=model, messages=question, max_tokens=50, tools=tools) as stream:
        message = stream.get_final_message()
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    assert all(call.input == {"city": "word"} for call in calls)


def anthropic_image(model):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}}
    content = [{"type": "text", "text": "what is this"}, image]
    answer = claude.messages.create(model=model, messages=[{"role": "user", "content": content}], max_tokens=2)
    assert answer.usage.input_tokens == 3


def anthropic_error(model):
    try:
        claude.messages.create(model="nope", messages=question, max_tokens=5)
    except anthropic.NotFoundError:
        return
    raise AssertionError("a model that is not there has answered")


checks = [openai_chat, openai_stream, openai_tools, openai_image, openai_error, openai_abort]
checks += [anthropic_message, anthropic_stream, anthropic_tools, anthropic_image, anthropic_error]
failed = False
for model in models:
    for check in checks:
        try:
            check(model)
            print(json.dumps({"check": check.__name__, "model": model, "ok": True}))
        except Exception:
            failed = True
            print(json.dumps({"check": check.__name__, "model": model, "ok": False, "why": traceback.format_exc()[-600:]}))
sys.exit(1 if failed else 0)
