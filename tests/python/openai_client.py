"""Tests a running server with the official openai package: openai_client.py URL."""

import asyncio
import json
import math
import sys

from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI

MODEL = "all-MiniLM-L6-v2"
TEXT = "sovereignty in cyberspace"
DIMENSION = 384

URL = sys.argv[1].rstrip("/") + "/v1"
client = OpenAI(base_url=URL, api_key="none", max_retries=0)


def embed(text, **options):
    response = client.embeddings.create(model=MODEL, input=text, **options)
    return [item.embedding for item in response.data]


def assert_close(a, b):
    assert len(a) == len(b) == DIMENSION, (len(a), len(b))
    assert max(abs(x - y) for x, y in zip(a, b)) < 1e-5


def assert_rejected(kind, code, param, text, model=MODEL, **options):
    try:
        client.embeddings.create(model=model, input=text, **options)
    except kind as error:
        assert error.code == code, error
        assert error.param == param, error
        assert error.body["message"], error
    else:
        raise AssertionError(f"expected {code}")


def the_default_is_base64():
    raw = client.embeddings.with_raw_response.create(model=MODEL, input=TEXT)
    sent = json.loads(raw.http_request.content)
    assert sent["encoding_format"] == "base64", sent
    wire = json.loads(raw.content)
    assert isinstance(wire["data"][0]["embedding"], str), wire
    answer = raw.parse()
    vector = answer.data[0].embedding
    assert math.isclose(sum(x * x for x in vector), 1, rel_tol=1e-5)
    assert_close(vector, embed(TEXT, encoding_format="float")[0])
    assert answer.object == "list" and answer.data[0].object == "embedding"
    assert answer.model.endswith(MODEL), answer.model
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 6


def every_form_of_input_is_accepted():
    one = embed(TEXT)[0]
    several = embed([TEXT, "the price of bread"])
    assert len(several) == 2
    assert_close(several[0], one)
    # "global village", as ids of the model's vocabulary
    words = embed("global village")[0]
    assert_close(embed([3795, 2352])[0], words)
    assert_close(embed([[3795, 2352], [101, 3795, 2352, 102]])[1], words)
    assert_close(embed(TEXT, dimensions=DIMENSION, user="a-user")[0], one)


def many_inputs_keep_their_order():
    texts = [f"speech number {number}" for number in range(2048)]
    vectors = embed(texts)
    assert len(vectors) == 2048
    for index in (0, 1000, 2047):
        assert_close(vectors[index], embed(texts[index])[0])


def long_texts_are_truncated_only_on_request():
    long = "peace " * 300
    assert_rejected(BadRequestError, "input_too_long", "input", long)
    assert len(embed(long, extra_body={"truncate": True})[0]) == DIMENSION


def errors_have_the_types_of_the_package():
    assert_rejected(BadRequestError, "empty_input", "input", "")
    assert_rejected(BadRequestError, "empty_input", "input", [])
    assert_rejected(BadRequestError, "empty_input", "input[1]", ["a", " "])
    assert_rejected(BadRequestError, "too_many_inputs", "input", ["a"] * 2049)
    assert_rejected(BadRequestError, "unknown_token", "input", [30522])
    assert_rejected(BadRequestError, "dimensions_unsupported", "dimensions", "a", dimensions=256)
    assert_rejected(NotFoundError, "model_not_found", "model", "a", model="text-embedding-3-small")


def the_asynchronous_client_works():
    async def ask():
        async with AsyncOpenAI(base_url=URL, api_key="none", max_retries=0) as many:
            asked = (many.embeddings.create(model=MODEL, input=TEXT) for _ in range(8))
            return await asyncio.gather(*asked)

    for answer in asyncio.run(ask()):
        assert_close(answer.data[0].embedding, embed(TEXT)[0])


for test in (
    the_default_is_base64,
    every_form_of_input_is_accepted,
    many_inputs_keep_their_order,
    long_texts_are_truncated_only_on_request,
    errors_have_the_types_of_the_package,
    the_asynchronous_client_works,
):
    test()
    print(f"ok: {test.__name__}")
