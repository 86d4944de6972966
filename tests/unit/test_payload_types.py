"""Arguments of every allowed type survive the way through the database."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.errors import PayloadError
from forge_jobs.payload import Parameters, decode_json, encode_result


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Point:
    x: float
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


class Order(msgspec.Struct):
    number: int
    place: Path
    points: list[Point] = []


def taking(hint: Any) -> Callable[..., None]:
    """Return a handler's function with one argument of this annotation."""

    def function(value: Any) -> None: ...

    function.__annotations__ = {"value": hint, "return": None}
    return function


def there_and_back(value: Any, hint: Any = Any) -> Any:
    parameters = Parameters(taking(hint), "work")
    return parameters.decode(parameters.encode({"value": value}))["value"]


EVERY_TYPE: list[tuple[Any, Any]] = [
    (None, None),
    (True, bool),
    (-5, int),
    (2**64, int),
    (2**200, int),
    (1.5, float),
    ("é 漢 \U0001f40d \n", str),
    ("a\0b", str),
    (b"\x00\xff", bytes),
    ([1, [2]], list[Any]),
    ({"a": {"b": None}}, dict[str, Any]),
    ({1: "a"}, dict[int, str]),
    ((1, "a"), tuple[int, str]),
    ({1, 2}, set[int]),
    (frozenset({"a"}), frozenset[str]),
    (datetime(2025, 1, 2, 3, 4, 5, 6), datetime),
    (datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime),
    (datetime(2025, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=5, minutes=30))), datetime),
    (date(2025, 1, 2), date),
    (time(1, 2, 3), time),
    (timedelta(days=1, seconds=2, microseconds=3), timedelta),
    (UUID("12345678-1234-5678-1234-567812345678"), UUID),
    (Decimal("0.10"), Decimal),
    (Colour.RED, Colour),
    (Colour.BLUE, Colour),
    (Level.HIGH, Level),
    (Path("a/b.jpg"), Path),
    (PurePosixPath("a/b.jpg"), PurePosixPath),
    ([Path("a"), Path("b")], list[Path]),
    (Path("a"), Path | None),
    (None, Path | None),
    (Point(1.0, 2.0, ["t"]), Point),
    ({"p": Point(1.0)}, dict[str, Point]),
    (Order(1, Path("x"), [Point(2.0)]), Order),
    ("b", Literal["a", "b"]),
    (5, int | str),
]


@pytest.mark.parametrize(("value", "hint"), EVERY_TYPE, ids=lambda v: repr(v)[:40])
def test_a_value_of_an_allowed_type_comes_back_equal_and_of_its_type(value: Any, hint: Any) -> None:
    found = there_and_back(value, hint)

    assert found == value
    assert type(found) is type(value)


def test_an_argument_without_an_annotation_comes_back_as_plain_json() -> None:
    def function(value) -> None: ...  # type: ignore[no-untyped-def]

    parameters = Parameters(function, "work")

    payload = parameters.encode({"value": [Path("a"), Point(1.0), Colour.RED, (1, 2)]})
    assert parameters.decode(payload) == {"value": ["a", {"x": 1.0, "y": 0.0, "tags": []}, "red", [1, 2]]}


def test_an_argument_that_may_be_anything_comes_back_as_plain_json() -> None:
    assert there_and_back({"a": [1, "b"]}, object) == {"a": [1, "b"]}


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(value=plain)
def test_plain_values_come_back_equal(value: Any) -> None:
    assert there_and_back(value) == value


@given(value=plain)
def test_plain_results_come_back_equal(value: Any) -> None:
    assert decode_json(encode_result(value, "work")) == value


@given(
    moment=st.datetimes(timezones=st.just(UTC)),
    number=st.decimals(allow_nan=False, allow_infinity=False),
    blob=st.binary(),
)
def test_moments_decimals_and_bytes_come_back_equal(moment: datetime, number: Decimal, blob: bytes) -> None:
    assert there_and_back(moment, datetime) == moment
    assert there_and_back(number, Decimal) == number
    assert there_and_back(blob, bytes) == blob


class OddNumber(enum.Enum):
    NOT_A_NUMBER = float("nan")


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        [1, [float("nan")]],
        {"a": {"b": float("inf")}},
        (float("nan"),),
        {float("inf")},
        Point(float("nan")),
        {"a": [Point(1.0), Point(0.0, float("inf"))]},
        Order(1, Path(), [Point(float("nan"))]),
        OddNumber.NOT_A_NUMBER,
    ],
    ids=repr,
)
def test_a_number_that_is_not_finite_is_refused_wherever_it_hides(value: Any) -> None:
    with pytest.raises(PayloadError, match=r"work: the payload .*not finite"):
        there_and_back(value)
    with pytest.raises(PayloadError, match=r"work: the result .*not finite"):
        encode_result(value, "work")


def test_a_null_is_not_taken_for_such_a_number() -> None:
    assert there_and_back([None, "null", {"null": None}]) == [None, "null", {"null": None}]


@pytest.mark.parametrize("value", [object(), {1j}, lambda: 0, "\ud800", {"\udfff": 1}, ["ok", "\ud800"], range(3)])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(PayloadError, match="work: the payload cannot be stored as JSON"):
        there_and_back(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)

    with pytest.raises(PayloadError, match="cannot be stored"):
        there_and_back(circle)


def test_a_type_nobody_can_read_from_json_is_refused_with_its_name() -> None:
    class Custom: ...

    with pytest.raises(PayloadError, match="Custom"):
        there_and_back("x", Custom)
