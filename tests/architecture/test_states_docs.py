"""The diagram in the docs is drawn from the table."""

from __future__ import annotations

from forge_jobs.model.states import Status, diagram
from tests.architecture.source import ROOT


def test_the_page_on_states_shows_the_table_of_today() -> None:
    page = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")

    assert f"```mermaid\n{diagram()}```" in page


def test_the_page_on_states_explains_every_status() -> None:
    page = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")

    assert [status for status in Status if f"`{status}`" not in page] == []
