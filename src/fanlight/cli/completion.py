"""`fanlight completion SHELL`: a script with which a shell completes our commands and options.

Everything is in the script: completing starts no Python.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from shlex import quote

import click

from fanlight.cli import LIGHT, options

OPTION = re.compile(r"^  (?:-\w, )?(--[a-z][a-z-]*)(?: [A-Z]+)?  +(.*?)(?:  .*)?$", re.MULTILINE)
"""An option in the help of a command that reads its options by hand."""

BASH = """\
# Completion of fanlight for bash; `eval "$(fanlight completion bash)"` in ~/.bashrc
_fanlight() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} words=""
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    words={commands}
  elif [[ $command == run && $current != -* ]]; then
    COMPREPLY=($(compgen -c -- "$current"))
    return
  else
    case $command in
{cases}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _fanlight fanlight
"""

ZSH = """\
#compdef fanlight
# Completion of fanlight for zsh; as the file _fanlight in a directory of $fpath
_fanlight() {{
  local -a found
  if (( CURRENT == 2 )); then
    found=(
{commands}
    )
    _describe command found
    return
  fi
  if [[ $words[2] == run && $PREFIX != -* ]]; then
    _command_names -e
    return
  fi
  case $words[2] in
{cases}
  esac
  compadd -- $found
  [[ $PREFIX == -* ]] || _files
}}
if [[ $funcstack[1] == _fanlight ]]; then
  _fanlight "$@"
else
  compdef _fanlight fanlight
fi
"""

FISH = """\
# Completion of fanlight for fish; as ~/.config/fish/completions/fanlight.fish
{commands}
{cases}
"""


@options.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print a script with which a shell completes commands and options.

    \b
      eval "$(fanlight completion bash)"
      fanlight completion zsh > ~/.zfunc/_fanlight
      fanlight completion fish > ~/.config/fish/completions/fanlight.fish
    """  # noqa: D301 - click's mark for lines that stay as they are
    sys.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[shell]())


def listed() -> dict[str, tuple[str, dict[str, str]]]:
    """Answer command to its purpose and its words, each with what it means."""
    from fanlight.cli.commands import COMMANDS

    return {name: (about, words(name, module)) for name, (module, about) in COMMANDS.items()}


def words(name: str, module: str) -> dict[str, str]:
    """Answer what may stand behind a command: options, and arguments that are one of a few."""
    code = import_module(module)
    if name in LIGHT:
        return dict(OPTION.findall(code.HELP))
    found: dict[str, str] = {}
    for part in code.command.params:
        if isinstance(part.type, click.Choice) and isinstance(part, click.Argument):
            found.update(dict.fromkeys(map(str, part.type.choices), ""))
        elif isinstance(part, click.Option):
            found.update({option: part.help or "" for option in part.opts if option.startswith("--")})
    return {**found, "--help": "Show what it does."}


def bash() -> str:
    """Answer the script for bash."""
    known = listed()
    cases = [f"      {name}) words={quote(' '.join(found))} ;;" for name, (_, found) in known.items()]
    return BASH.format(commands=quote(" ".join([*known, "--help", "--version"])), cases="\n".join(cases))


def zsh() -> str:
    """Answer the script for zsh."""
    known = listed()
    commands = [f"      {quote(f'{name}:{about}')}" for name, (about, _) in known.items()]
    cases = [f"    {name}) found=({' '.join(found)}) ;;" for name, (_, found) in known.items()]
    return ZSH.format(commands="\n".join(commands), cases="\n".join(cases))


def fish() -> str:
    """Answer the script for fish."""
    known = listed()
    commands = [
        f"complete -c fanlight -n __fish_use_subcommand -f -a {name} -d {quote(about)}"
        for name, (about, _) in known.items()
    ]
    cases = [
        f"complete -c fanlight -n '__fish_seen_subcommand_from {name}' "
        + (f"-l {word[2:]} -d {quote(about)}" if word.startswith("--") else f"-f -a {word}")
        for name, (_, found) in known.items()
        for word, about in found.items()
    ]
    return FISH.format(commands="\n".join(commands), cases="\n".join(cases))
