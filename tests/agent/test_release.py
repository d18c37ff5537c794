"""The release that HELLO tells: the environment's word, or what git itself would say."""

from __future__ import annotations

import os
import subprocess

import pytest

import fanlight
from fanlight.agent.release import release


def git(folder, *words):
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "shop"
    (folder / "deep" / "er").mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


def test_the_environment_s_word_is_taken(repository):
    assert release({"FANLIGHT_RELEASE": " 2026-11-21.1 "}, str(repository)) == "2026-11-21.1"


@pytest.mark.parametrize("state", ["loose", "packed", "moved on", "detached", "tag", "worktree", "submodule"])
def test_it_is_the_commit_that_git_says(repository, tmp_path, state):
    place = repository
    if state in ("packed", "moved on"):
        git(place, "pack-refs", "--all")
        assert not (place / ".git" / "refs" / "heads" / "main").exists()
    if state == "moved on":
        git(place, "commit", "-q", "--allow-empty", "-m", "two")
    if state == "detached":
        git(place, "checkout", "-q", "--detach")
    if state == "tag":
        git(place, "tag", "-a", "v1", "-m", "v1")
        git(place, "checkout", "-q", "v1")
    if state == "worktree":
        git(place, "worktree", "add", "-q", "-b", "side/branch", str(tmp_path / "side"))
        place = tmp_path / "side"
        git(place, "commit", "-q", "--allow-empty", "-m", "side")
        git(place, "pack-refs", "--all")
    if state == "submodule":
        place = repository / "parts"
        git(
            repository,
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            str(repository),
            "parts",
        )
        git(place, "commit", "-q", "--allow-empty", "-m", "inside")
    said = git(place, "rev-parse", "HEAD")
    assert release({}, str(place)) == said[:12]
    assert len(said) == 40


def test_a_directory_below_belongs_to_the_repository(repository):
    assert release({}, str(repository / "deep" / "er")) == git(repository, "rev-parse", "HEAD")[:12]


@pytest.mark.parametrize(
    "head",
    [
        "",
        "ref: refs/heads/none",
        "ref: ../../secret",
        "ref: HEAD",
        "rubbish",
        "ref: refs/heads/../../config",
        "ref: refs/heads/../../deadbeef",
        "deadbeef",
        "\0",
    ],
)
def test_what_is_no_reference_is_no_release(repository, head):
    (repository / ".git" / "secret").write_text("hunter2")
    # What looks like a commit, but is no reference's.
    (repository / ".git" / "deadbeef").write_text("deadbeef" * 5)
    (repository / ".git" / "HEAD").write_text(head)
    assert release({}, str(repository)) == ""


def test_a_loop_and_a_pipe_end(repository):
    (repository / ".git" / "HEAD").write_text("ref: refs/heads/a")
    (repository / ".git" / "refs" / "heads" / "a").write_text("ref: refs/heads/a")
    assert release({}, str(repository)) == ""
    (repository / ".git" / "refs" / "heads" / "a").unlink()
    os.mkfifo(repository / ".git" / "refs" / "heads" / "a")
    assert release({}, str(repository)) == ""


def test_without_a_repository_there_is_none(tmp_path):
    (tmp_path / ".git").write_text("rubbish")
    assert release({}, str(tmp_path)) == ""
    assert release({}, "/") == ""


def test_hello_tells_it_and_a_later_checkout_does_not_change_it(agent, receiver, repository, monkeypatch):
    monkeypatch.chdir(repository)
    # Another test of this process may have let it look already.
    monkeypatch.setattr(fanlight.agent.agent.AGENT, "release", None)
    with agent.trace("job"):
        pass
    assert agent.flush(30)
    (hello,) = receiver.hellos
    assert hello["release"] == git(repository, "rev-parse", "HEAD")[:12]
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    assert fanlight.agent.agent.AGENT.greeting()["release"] == hello["release"]
