"""What a URL says that is ours, and what is libpq's."""

from __future__ import annotations

import pytest

from forge_jobs.errors import ConfigError
from forge_jobs.storage.postgres.address import Address, address_of


def test_what_is_ours_is_taken_out() -> None:
    told = address_of("postgresql://u:p@h:5/d?sslmode=require&schema=mine&stale_after=7.5&pooled=yes")

    assert told == Address("postgresql://u:p@h:5/d?sslmode=require", "mine", 7.5, pooled=True)


def test_what_is_not_said_is_usual() -> None:
    assert address_of("postgresql:///d") == Address("postgresql:///d", "forge_jobs", 60.0, pooled=False)


def test_the_threshold_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_STALE_AFTER", "30")

    assert address_of("postgresql:///d").stale_after == 30
    assert address_of("postgresql:///d?stale_after=10").stale_after == 10


def test_several_hosts_may_be_named() -> None:
    url = "postgresql://u@one:5432,two:5433/d?target_session_attrs=read-write"

    assert address_of(url).url == url


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("schema=Mine", "schema 'Mine' is not valid: use small letters"),
        ("schema=a.b", "schema 'a.b' is not valid"),
        ("schema=", "schema '' is not valid"),
        ("stale_after=4", "stale_after '4' is not valid: use seconds, from 5 to 86400"),
        ("stale_after=soon", "stale_after 'soon' is not valid"),
        ("stale_after=nan", "stale_after 'nan' is not valid"),
        ("pooled=maybe", "pooled 'maybe' is not valid: use yes or no"),
        ("colour=red", "is not valid: write postgresql://"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(option: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        address_of(f"postgresql://u@h/d?{option}")
