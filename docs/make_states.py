"""Draw the diagram in docs/states.md from the table of transitions; ``--check`` says whether it is drawn already."""

from __future__ import annotations

import sys
from pathlib import Path

from forge_jobs.model.states import diagram

PAGE = Path(__file__).with_name("states.md")
BEGIN = "<!-- drawn by docs/make_states.py: begin -->"
END = "<!-- drawn by docs/make_states.py: end -->"


def drawn(page: str) -> str:
    """Return the page with the diagram of today between its two marks; raise ValueError where a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} needs the lines {BEGIN!r} and {END!r}, in this order")
    return f"{before}{BEGIN}\n```mermaid\n{diagram()}```\n{END}{after}"


def main() -> str | None:
    """Redraw the page, or check it; return what is wrong, if anything."""
    try:
        page = PAGE.read_text(encoding="utf-8")
        wanted = drawn(page)
    except (OSError, ValueError) as error:
        return f"docs/make_states.py: {error}"
    if page == wanted:
        return None
    if "--check" in sys.argv[1:]:
        return "docs/states.md does not show the table in forge_jobs/model/states.py: run make docs"
    PAGE.write_text(wanted, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main())
