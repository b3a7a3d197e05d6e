"""Bodies that Go's decoder accepts are accepted, and the others are refused in its words."""

from typing import Any

import pytest

from ollama_simulator.errors import ApiError
from ollama_simulator.go_json import decode
from ollama_simulator.requests import chat_request, generate_request, show_request


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "missing request body"),
        (b" \r\n\t", "missing request body"),
        (b"{", "unexpected EOF"),
        (b'{"model":"a', "unexpected EOF"),
        (b'{"model"', "unexpected EOF"),
        (b"[1,", "unexpected EOF"),
        (b"tru", "unexpected EOF"),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b'{"a":}', "invalid character '}' looking for beginning of value"),
        (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b'"a\nb"', "invalid character '\\n' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b"trux", "invalid character 'x' in literal true (expecting 'e')"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
    ],
)
def test_a_broken_body_is_refused_in_the_words_of_go(body: bytes, text: str) -> None:
    with pytest.raises(ApiError) as caught:
        decode(body)
    assert (caught.value.status, caught.value.text) == (400, text)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1} and more', {"a": 1}),
        (b' [1] {"b":2}', [1]),
        (b'"\\ud800"', "�"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"a\xffb"', "a�b"),
        (b"1 2", 1),
        (b"null", None),
    ],
)
def test_what_go_accepts_is_accepted(body: bytes, value: Any) -> None:
    assert decode(body) == value


def test_a_body_nested_too_deep_is_refused() -> None:
    with pytest.raises(ApiError, match="exceeded max depth"):
        decode(b"[" * 5_000 + b"]" * 5_000)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            b'{"model":"a","stream":"yes"}',
            "json: cannot unmarshal string into Go struct field ChatRequest.stream of type bool",
        ),
        (
            b'{"model":1}',
            "json: cannot unmarshal number into Go struct field ChatRequest.model of type string",
        ),
        (
            b'{"messages":{}}',
            (
                "json: cannot unmarshal object into Go struct field ChatRequest.messages "
                "of type []api.Message"
            ),
        ),
        (
            b'{"messages":[{"content":1}]}',
            "json: cannot unmarshal number into Go struct field Alias.content of type string",
        ),
        (
            b'{"options":[]}',
            (
                "json: cannot unmarshal array into Go struct field ChatRequest.options "
                "of type map[string]interface {}"
            ),
        ),
        (b"[]", "json: cannot unmarshal array into Go value of type api.ChatRequest"),
        (b'{"keep_alive":"soon"}', 'time: invalid duration "soon"'),
        (b'{"keep_alive":"5"}', 'time: missing unit in duration "5"'),
        (b'{"keep_alive":"5 min"}', 'time: unknown unit " min" in duration "5 min"'),
        (b'{"keep_alive":true}', "Unsupported type: 'bool'"),
        (
            b'{"think":"hard"}',
            'invalid think value: "hard" (must be "high", "medium", "low", "max", true, or false)',
        ),
        (b'{"top_logprobs":21}', "top_logprobs must be between 0 and 20"),
    ],
)
def test_a_wrong_type_is_refused_in_the_words_of_go(body: bytes, text: str) -> None:
    with pytest.raises(ApiError) as caught:
        chat_request(body)
    assert (caught.value.status, caught.value.text) == (400, text)


def test_unknown_fields_are_ignored_and_case_does_not_matter() -> None:
    request = chat_request(b'{"Model":"a","CustomHeaders":{},"STREAM":false,"x":1}')
    assert (request.model, request.stream) == ("a", False)


def test_null_means_absent() -> None:
    request = chat_request(b'{"model":null,"stream":null,"options":null,"keep_alive":null}')
    assert (request.model, request.stream, request.keep_alive_ns) == ("", True, None)


@pytest.mark.parametrize(
    ("keep_alive", "seconds"),
    [(b"10", 10), (b"0", 0), (b'"1m30s"', 90), (b'"300ms"', 0.3), (b'"0"', 0), (b"0.5", 0.5)],
)
def test_keep_alive_is_a_number_of_seconds_or_a_duration(keep_alive: bytes, seconds: float) -> None:
    request = chat_request(b'{"model":"a","keep_alive":' + keep_alive + b"}")
    assert request.keep_alive_ns == seconds * 1e9


@pytest.mark.parametrize("keep_alive", [b"-1", b'"-1s"'])
def test_a_negative_keep_alive_is_for_ever(keep_alive: bytes) -> None:
    request = chat_request(b'{"model":"a","keep_alive":' + keep_alive + b"}")
    assert request.keep_alive_ns == 2**63 - 1


def test_options_are_read_late_so_that_an_unknown_model_is_named_first() -> None:
    request = generate_request(b'{"model":"a","options":{"num_ctx":"big"}}')
    assert request.options.error is not None
    assert (request.options.error.status, request.options.error.text) == (
        500,
        'option "num_ctx" must be of type integer',
    )


def test_a_number_with_a_fraction_is_cut_to_an_integer_option() -> None:
    assert generate_request(b'{"options":{"num_predict":3.9}}').options.num_predict == 3


def test_show_takes_the_old_name() -> None:
    assert show_request(b'{"name":"a"}') == "a"
