"""What is given to be stored is read back as it was, or refused in a sentence: on every database alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs import ForgeJobs, Job
from forge_jobs.errors import PayloadError
from forge_jobs.options import EnqueueOptions
from tests.support.hostile import ODD, check_refusal, deep, numbers, odd, texts

leaves = st.none() | st.booleans() | numbers | texts | st.binary(max_size=10) | st.datetimes() | st.decimals()
payloads = st.dictionaries(
    texts, st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8)
)


def stored(jobs: ForgeJobs, kind: Any, payload: Any, options: Mapping[str, Any]) -> Job | type[Exception]:
    """Return the job as it is read back, or what the refusal was, after which nothing more is stored."""
    before = sum(jobs.count().values())
    try:
        job = jobs.enqueue(kind, payload, **options)
    except Exception as error:
        check_refusal(error)
        assert sum(jobs.count().values()) == before
        return type(error)
    return jobs.get(job.id)


def verdict(both: Mapping[str, ForgeJobs], kind: Any, payload: Any, options: Mapping[str, Any]) -> Any:
    """Return what both databases make of it: the error's type, or the payload that is read back."""
    told = []
    for jobs in both.values():
        found = stored(jobs, kind, payload, options)
        if isinstance(found, Job):
            asked = (found.kind, found.queue, found.priority, found.unique_key, found.max_attempts)
            record = found.record
            told.append(
                (
                    asked,
                    found.payload,
                    record.time_limit,
                    record.expires_at,
                    options.get("run_at") and found.scheduled_at,
                )
            )
            found.cancel()  # or its key is held
        else:
            told.append(found)
    assert told[0] == told[1]
    return told[0] if isinstance(told[0], type) else told[0][1]


@given(payloads)
def test_a_payload_comes_back_as_the_json_that_it_is(both: Mapping[str, ForgeJobs], payload: dict[str, Any]) -> None:
    found = verdict(both, "work", payload, {})

    assert found is PayloadError or found == msgspec.json.decode(msgspec.json.encode(payload))


@pytest.mark.parametrize("position", range(len(ODD)))
def test_odd_things_as_a_payload_and_in_one(both: Mapping[str, ForgeJobs], position: int) -> None:
    for payload in (ODD[position], {"a": ODD[position]}, {"a": [{"b": ODD[position]}]}):
        verdict(both, "work", payload, {})


def test_a_megabyte_is_the_most(both: Mapping[str, ForgeJobs]) -> None:
    assert verdict(both, "work", {"a": "x" * (2**20 - 8)}, {}) == {"a": "x" * (2**20 - 8)}
    assert verdict(both, "work", {"a": "x" * (2**20 - 7)}, {}) is PayloadError
    assert verdict(both, "work", {"a": "\U0001f600" * 2**18}, {}) is PayloadError


def test_what_is_nested_deep_is_refused_or_can_be_run(both: Mapping[str, ForgeJobs]) -> None:
    for levels in (10, 100, 500, 900, 990, 1000, 5000):
        found = verdict(both, "work", {"a": deep(levels)}, {})
        assert found is PayloadError or found == {"a": deep(levels)}


@given(odd)
def test_any_kind(both: Mapping[str, ForgeJobs], kind: Any) -> None:
    verdict(both, kind, {}, {})


@pytest.mark.parametrize("option", EnqueueOptions.__struct_fields__)
@given(value=odd)
def test_any_value_of_an_option(both: Mapping[str, ForgeJobs], option: str, value: Any) -> None:
    verdict(both, "work", {}, {option: value})


@pytest.mark.parametrize("position", range(len(ODD)))
def test_odd_things_as_options_and_in_a_bulk(both: Mapping[str, ForgeJobs], position: int) -> None:
    value = ODD[position]
    for option in EnqueueOptions.__struct_fields__:
        verdict(both, "work", {}, {option: value})
    for jobs in both.values():
        options = {value: 1} if _hashes(value) else value
        for bulk in (
            [("work", {}), value],
            [("work", {}), (value,)],
            [("work", {}), ("work", value)],
            [("work", {}), ("work", {}, {"priority": value})],
            [("work", {}), ("work", {}, options)],
            value,
        ):
            before = sum(jobs.count().values())
            try:
                done = jobs.enqueue_bulk(bulk)
            except Exception as error:
                check_refusal(error)
                done = []
            assert sum(jobs.count().values()) == before + len(done)


def _hashes(value: Any) -> bool:
    try:
        hash(value)
    except (TypeError, NotImplementedError):
        return False
    return True
