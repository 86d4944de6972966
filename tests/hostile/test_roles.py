"""The roles that docs/security.md describes: each can do what it is for, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from forge_jobs import ForgeJobs
from forge_jobs.errors import DatabaseUnusable
from forge_jobs.storage.postgres.address import address_of
from forge_jobs.verifying import verify
from tests.architecture.source import ROOT
from tests.support.builders import a_host
from tests.support.farm import Farm, farm_in_schema
from tests.support.postgres import server_url

ROLES = ("jobs_reader", "jobs_producer", "jobs_worker")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm in a schema whose rights are given as the documentation says, to roles of this test."""
    mark = os.urandom(4).hex()
    with farm_in_schema(tmp_path, server_url()) as made:
        address = address_of(made.url)
        text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
        (grants,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
        for role in ROLES:
            grants = grants.replace(role, f"{role}_{mark}")
        with psycopg.connect(address.url, autocommit=True) as owner:
            for role in ROLES:
                owner.execute(f"CREATE ROLE {role}_{mark} LOGIN")
            owner.execute(grants.replace("forge_jobs", address.schema))
            made.environment["MARK"] = mark
            yield made
            made.jobs.close()
            for role in ROLES:
                owner.execute(f"DROP OWNED BY {role}_{mark}; DROP ROLE {role}_{mark}")


def url_of(farm: Farm, role: str) -> str:
    return farm.url.replace("//forge@", f"//{role}_{farm.environment['MARK']}@")


def test_a_producer_enqueues_and_a_worker_works(farm: Farm) -> None:
    producer = ForgeJobs(url_of(farm, "jobs_producer"))
    jobs = [producer.enqueue("noop", {}), *producer.enqueue_bulk([("noop", {}), ("noop", {}, {"unique_key": "a"})])]
    assert producer.enqueue("noop", {}, unique_key="a").deduplicated
    farm.environment["FORGE_DATABASE_URL"] = url_of(farm, "jobs_worker")

    told = farm.run("supervise", "--app", "application:jobs", "--workers", "1", "--drain")

    assert told.returncode == 0, told.stderr
    assert [job.result(timeout=10) for job in jobs] == [None] * 3
    with pytest.raises(DatabaseUnusable, match="permission denied"):
        producer.pause_queue("default")
    producer.close()


def test_a_reader_looks_and_changes_nothing(farm: Farm) -> None:
    job_id = farm.jobs.enqueue("noop", {}).id
    reader = ForgeJobs(url_of(farm, "jobs_reader"))
    assert reader.get(job_id).status == "pending"
    assert [job.id for job in reader.list()] == [job_id]
    assert reader.why(job_id).reasons
    assert reader.counts()["default"].pending == 1
    assert reader.stats().rows
    assert {check.level for check in verify(reader.storage.checkup)} == {"ok"}
    for change in (
        lambda: reader.enqueue("noop", {}),
        lambda: reader.cancel(job_id),
        lambda: reader.delete(job_id),
        lambda: reader.storage.registry.announce_host(a_host("host")),
    ):
        with pytest.raises(DatabaseUnusable, match="permission denied"):
            change()
    reader.close()
