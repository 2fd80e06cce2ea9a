"""One page for each command, with the options of all its sub-commands."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from hanami_conformance.cli.main import parser as conformance_parser
from hanami_conformance.options.definitions import OPTIONS
from hanami_loadtests.cli import parser as load_parser
from hanami_loadtests.options import LOAD_OPTIONS
from hanami_proto.options import Option
from hanami_reference_backend.options import build_parser as backend_parser
from hanami_reports.cli.main import build_parser as reports_parser
from tools.docs.markdown import render

FOLDER = "reference/commands"
DEFAULT = re.compile(r"(.*?)\s*(?:[\[(]?default: (.*?)[\])]?)?", re.DOTALL)  # at the end of a help


@dataclass(frozen=True)
class Argument:
    """An argument of a command.

    Attributes:
        forms: Forms in which it is given, such as ``--target URL``.
        help: Its help.
        default: Its default value in words.
        environment: Variable that is read where it is not given.
    """

    forms: tuple[str, ...]
    help: str
    default: str = ""
    environment: str = ""


@dataclass(frozen=True)
class Command:
    """A program, or one of its sub-commands.

    Attributes:
        name: Its name.
        help: Its purpose in a few words, empty for a program.
        description: Its description.
        epilog: Lines at the end of its help.
        arguments: Its arguments.
        commands: Its sub-commands.
    """

    name: str
    help: str
    description: str
    epilog: str
    arguments: tuple[Argument, ...]
    commands: tuple[Command, ...]


def programs() -> tuple[Command, ...]:
    """Return all programs of the package."""
    suite, load = _by_flag(OPTIONS), _by_flag(LOAD_OPTIONS)
    return (
        read_command(conformance_parser(), suite),
        read_command(load_parser(), suite | load),
        read_command(reports_parser(), {}),
        read_command(backend_parser(), {}),
    )


def command_pages() -> dict[str, str]:
    """Return the pages by their places in the site."""
    pages = {f"{FOLDER}/{one.name}.md": render("command", program=one) for one in programs()}
    return {f"{FOLDER}/index.md": render("commands", parsers=programs()), **pages}


def read_command(
    parser: argparse.ArgumentParser, options: Mapping[str, Option], name: str = "", help_text: str = ""
) -> Command:
    """Return what the parser of a command says about it.

    Args:
        parser: Parser of the command.
        options: Rows of the table of options by their flags, where the command has one.
        name: Name of a sub-command.
        help_text: Purpose of a sub-command.
    """
    arguments, commands = [], []
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to its arguments
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            purposes = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            commands = [read_command(one, options, word, purposes[word]) for word, one in action.choices.items()]
        elif not isinstance(action, argparse._HelpAction | argparse._VersionAction):  # noqa: SLF001
            arguments.append(_argument(parser, action, options))
    return Command(
        name or parser.prog,
        help_text,
        parser.description or "",
        textwrap.dedent(parser.epilog or "").strip(),
        tuple(arguments),
        tuple(commands),
    )


def _by_flag(options: tuple[Option, ...]) -> dict[str, Option]:
    return {option.flag: option for option in options}


def _argument(parser: argparse.ArgumentParser, action: argparse.Action, options: Mapping[str, Option]) -> Argument:
    forms = tuple(_form(flag, action) for flag in action.option_strings) or (str(action.metavar or action.dest),)
    option = next((options[flag] for flag in action.option_strings if flag in options), None)
    if option is None:
        text = (action.help or "") % {**vars(action), "prog": parser.prog}
        words, default = DEFAULT.fullmatch(text).groups()  # type: ignore[union-attr]
        return Argument(forms, words, default or "")
    return Argument(forms, option.help, option.default or option.default_note, option.environment)


def _form(flag: str, action: argparse.Action) -> str:
    if action.nargs == 0:
        return flag
    choices = "|".join(map(str, action.choices or ()))
    return f"{flag} {action.metavar or choices or action.dest.upper()}"
