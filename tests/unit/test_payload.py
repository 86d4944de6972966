"""Arguments are checked against the handler's signature, at enqueue and again before the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest

from forge_jobs.errors import HandlerError, PayloadError
from forge_jobs.model.job import MAX_PAYLOAD_BYTES, MAX_RESULT_BYTES
from forge_jobs.payload import Parameters, encode_payload, encode_result


def resize(path: str, width: int = 320, *, tags: list[str] | None = None) -> None: ...


def anything_goes(path: str, **rest: Any) -> None: ...


RESIZE = Parameters(resize, "resize")


def refused(arguments: dict[str, Any], parameters: Parameters = RESIZE) -> str:
    with pytest.raises(PayloadError) as told:
        parameters.encode(arguments)
    return str(told.value)


def test_good_arguments_become_a_json_object() -> None:
    assert RESIZE.encode({"path": "a.jpg", "width": 9}) == b'{"path":"a.jpg","width":9}'


def test_an_argument_that_is_missing_is_named() -> None:
    assert refused({"width": 9}) == "resize: argument 'path' is missing"


def test_an_argument_nobody_takes_is_named_beside_those_it_takes() -> None:
    assert refused({"path": "a", "widht": 9}) == "resize: unknown argument 'widht'; it takes path, tags, width"


def test_a_handler_without_arguments_says_so() -> None:
    def nothing() -> None: ...

    assert refused({"x": 1}, Parameters(nothing, "nothing")) == "nothing: unknown argument 'x'; it takes no arguments"


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"path": 5}, "path"),
        ({"path": "a", "width": "9"}, "width"),
        ({"path": "a", "width": True}, "width"),
        ({"path": "a", "width": 1.5}, "width"),
        ({"path": "a", "tags": ["x", 5]}, "tags"),
        ({"path": None}, "path"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(arguments: dict[str, Any], where: str) -> None:
    told = refused(arguments)

    assert told.startswith("resize: the payload does not fit the handler: Expected ")
    assert where in told


def test_a_default_is_left_to_the_function() -> None:
    assert RESIZE.decode(b'{"path":"a"}') == {"path": "a"}


def test_a_default_need_not_be_a_json_value() -> None:
    def function(value: list[int] = [], marker: Any = object()) -> None: ...  # noqa: B006, B008

    assert Parameters(function, "work").decode(b"{}") == {}


def test_a_required_argument_may_stand_behind_a_default() -> None:
    def function(a: int = 1, *, b: str) -> None: ...

    parameters = Parameters(function, "work")
    assert parameters.decode(parameters.encode({"b": "x"})) == {"b": "x"}


def test_a_handler_that_takes_anything_gets_everything() -> None:
    parameters = Parameters(anything_goes, "work")

    payload = parameters.encode({"path": "a", "extra": [1], "more": None})

    assert parameters.decode(payload) == {"path": "a", "extra": [1], "more": None}


def test_a_handler_that_takes_anything_still_needs_what_it_names() -> None:
    assert refused({"extra": 1}, Parameters(anything_goes, "work")) == "work: argument 'path' is missing"


def test_the_context_is_not_part_of_the_payload() -> None:
    def function(ctx: Any, path: str) -> None: ...

    parameters = Parameters(function, "work")

    assert parameters.takes_context
    assert parameters.encode({"path": "a"}) == b'{"path":"a"}'
    assert refused({"path": "a", "ctx": 1}, parameters) == "work: unknown argument 'ctx'; it takes path"


def test_only_a_first_parameter_of_that_name_is_the_context() -> None:
    def function(path: str, ctx: int) -> None: ...

    assert not Parameters(function, "work").takes_context


def test_constraints_of_the_annotations_are_checked() -> None:
    def function(width: Annotated[int, msgspec.Meta(gt=0)]) -> None: ...

    assert "Expected `int` >= 1 - at `width`" in refused({"width": 0}, Parameters(function, "work"))


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"[]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
        (b'{"width":1}', "missing required field `path`"),
        (b'{"path":"a","width":"9"}', "at `width`"),
        (b'{"path":', "truncated"),
        (b"\xff", "malformed"),
    ],
)
def test_a_stored_payload_that_does_not_fit_is_refused(payload: bytes, told: str) -> None:
    with pytest.raises(PayloadError, match="resize: the payload does not fit the handler") as error:
        RESIZE.decode(payload)
    assert told in str(error.value)


def test_checking_a_stored_payload_refuses_what_decoding_would() -> None:
    RESIZE.check(b'{"path":"a"}')
    with pytest.raises(PayloadError):
        RESIZE.check(b"{}")


def test_a_positional_parameter_cannot_be_a_handlers() -> None:
    def positional(path: str, /) -> None: ...

    def many(*paths: str) -> None: ...

    for function, name in ((positional, "path"), (many, "paths")):
        with pytest.raises(HandlerError, match=f"handler 'work': parameter '{name}' cannot be given by name"):
            Parameters(function, "work")


def test_an_annotation_that_cannot_be_resolved_is_refused_at_once() -> None:
    def function(value: NoSuchThing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(HandlerError, match="NoSuchThing"):
        Parameters(function, "work")


def test_annotations_that_json_cannot_tell_apart_are_refused_at_once() -> None:
    def function(value: Path | str) -> None: ...

    with pytest.raises(HandlerError, match="handler 'work': its annotations cannot be read from JSON"):
        Parameters(function, "work")


def test_a_payload_may_be_as_large_as_the_limit() -> None:
    fits = "x" * (MAX_PAYLOAD_BYTES - 2)

    assert len(encode_payload(fits, "work")) == MAX_PAYLOAD_BYTES == 1024 * 1024


def test_a_payload_over_the_limit_is_refused_with_its_size_and_the_way_out() -> None:
    with pytest.raises(PayloadError) as told:
        encode_payload("x" * (MAX_PAYLOAD_BYTES - 1), "work")

    assert str(told.value) == (
        "work: the payload is 1,048,577 bytes of JSON, the limit is 1,048,576: "
        "store the data elsewhere and pass its name"
    )


def test_a_result_over_the_limit_is_refused() -> None:
    assert encode_result("x" * (MAX_RESULT_BYTES - 2), "work")
    with pytest.raises(PayloadError, match="work: the result is 1,048,577 bytes"):
        encode_result("x" * (MAX_RESULT_BYTES - 1), "work")


TORN = {
    "torn": b'{"rows": [1, 2', "empty": b"", "two values": b"1 2", "NaN": b"NaN", "a leading nought": b"01",
    "a control character": b'"\x00"', "half of a pair": b'"\\ud800"', "no UTF-8": b'"\xff"', "too deep": b"[" * 10_000,
}  # fmt: skip
"""What a msgspec.Raw may hold that is no JSON."""


@dataclass
class Answer:
    """What somebody else has encoded, and some more."""

    body: Any
    pages: int = 1


WRAPPED: dict[str, Callable[[Any], Any]] = {
    "alone": lambda raw: raw,
    "in a list": lambda raw: [1, raw],
    "in a tuple": lambda raw: (raw, None),
    "in a dict": lambda raw: {"a": 1, "b": raw},
    "in a dataclass": Answer,
    "far below": lambda raw: [{"a": [Answer({"b": (raw, 1)})]}],
}


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED.keys())
@pytest.mark.parametrize("torn", TORN.values(), ids=TORN.keys())
def test_what_is_said_to_be_json_and_is_none_is_refused(torn: bytes, wrapped: Callable[[Any], Any]) -> None:
    value = wrapped(msgspec.Raw(torn))

    with pytest.raises(PayloadError, match="work: the result cannot be stored as JSON: "):
        encode_result(value, "work")
    with pytest.raises(PayloadError, match="work: the payload cannot be stored as JSON: "):
        encode_payload({"value": value}, "work")


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED.keys())
@pytest.mark.parametrize("good", [b'{"rows": [1, 2.50]}', '"é"'.encode(), b'"\\u0000"', b" null "])
def test_what_is_said_to_be_json_and_is_is_stored_as_it_is(good: bytes, wrapped: Callable[[Any], Any]) -> None:
    assert good in encode_result(wrapped(msgspec.Raw(good)), "work")


def test_an_answer_of_somebody_elses_must_be_one_that_can_be_read() -> None:
    with pytest.raises(PayloadError, match="Number out of range"):
        encode_result(msgspec.Raw(b"[1e999]"), "work")
