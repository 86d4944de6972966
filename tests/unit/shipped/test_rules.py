"""What a host lets run, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge_jobs import InvalidValue, UsageError
from forge_jobs_supervisor.shipped import COMMAND, ECHO, shipped
from forge_jobs_supervisor.shipped.rules import Rules, check_command, checked_rules


def an_executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_without_being_told_to_no_host_runs_programs() -> None:
    assert checked_rules(allowed=False, only=(), root=None) is None
    assert list(shipped(None, None)) == [ECHO]  # type: ignore[arg-type]
    assert list(shipped(None, Rules())) == [ECHO, COMMAND]  # type: ignore[arg-type]


def test_a_named_program_is_allowed_without_saying_it_twice() -> None:
    assert checked_rules(allowed=False, only=("ls",), root=None) == Rules(only=["ls"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"allowed": False, "only": (), "root": "/"}, "add --allow-commands"),
        ({"allowed": True, "only": (), "root": "/nowhere/at/all"}, "is not a directory"),
        ({"allowed": True, "only": ("bin/ls",), "root": None}, "an absolute path"),
        ({"allowed": True, "only": ("",), "root": None}, "write a name"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        checked_rules(**options)  # type: ignore[arg-type]


def test_a_root_confines_the_directory(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    rules = Rules(root=str(root))
    assert rules.refusal_of_directory(str(root)) is None
    assert rules.refusal_of_directory(str(root / "in")) is None
    for outside in (tmp_path, tmp_path / "root-too", Path("/")):
        assert "the cwd" in (rules.refusal_of_directory(str(outside)) or "")
    assert Rules(root="/").refusal_of_directory("/etc") is None
    assert Rules().refusal_of_directory("/etc") is None


def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "current").symlink_to("release")
    assert Rules(root=str(tmp_path / "current")).refusal_of_directory(str(tmp_path / "release")) is None


def test_only_the_programs_that_are_named_run(tmp_path: Path) -> None:
    good, evil = an_executable(tmp_path / "bin/good"), an_executable(tmp_path / "elsewhere/good")
    path = str(good.parent)
    for rules in (Rules(only=["good"]), Rules(only=[str(good)])):
        assert rules.refusal_of_program(str(good), path) is None
        assert "not among the programs" in (rules.refusal_of_program(str(evil), path) or "")
    assert Rules().refusal_of_program(str(evil), path) is None


def test_another_name_of_the_same_file_is_another_program(tmp_path: Path) -> None:
    """Where one file is all of them, as with busybox, its name decides what it does."""
    box = an_executable(tmp_path / "bin/box")
    for name in ("cat", "sh"):
        (box.parent / name).symlink_to("box")
    (tmp_path / "usr").symlink_to("bin")
    rules = Rules(only=["cat"])
    assert rules.refusal_of_program(str(box.parent / "sh"), str(box.parent))
    assert rules.refusal_of_program(str(tmp_path / "usr/cat"), str(box.parent)) is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"argv": []}, "argv is empty"),
        ({"argv": [""]}, "argv is empty"),
        ({"argv": ["a\0b"]}, "NUL"),
        ({"argv": ["a"], "env": {"A": "\0"}}, "NUL"),
        ({"argv": ["a"], "env": {"A=B": ""}}, "cannot name"),
        ({"argv": ["a"], "env": {"": ""}}, "cannot name"),
        ({"argv": ["a"], "pass_env": ["A=B"]}, "cannot name"),
        ({"argv": ["a"], "success_codes": [256]}, "success code 256"),
    ],
)
def test_what_no_system_could_run_is_refused(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        check_command(**arguments)  # type: ignore[arg-type]
