"""What every command takes, and what it gets out of that: the configuration, and where to log."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec

import click

from instep.errors import ConfigError, Problem, UsageError

if TYPE_CHECKING:
    from instep.config import Config

P = ParamSpec("P")

#: Where the configuration is looked for if nobody says where it is.
USUAL = Path("instep.yaml")
LEVELS = ("debug", "info", "warning", "error")


@dataclass
class Call:
    """One call of the command line.

    ``secrets`` are those of its configuration, once it is loaded, so that no message shows them.
    """

    config: str | None = None
    debug: bool = False
    json: bool = False
    secrets: Collection[str] = ()

    def place(self) -> Path | Literal["-"]:
        """Say where the configuration is; ``-`` is the standard input.

        Raises:
            ConfigError: nobody says so, and it is not where it usually is.
        """
        named = self.config or os.environ.get("INSTEP_CONFIG")
        if named:
            return "-" if named == "-" else Path(named)
        if USUAL.exists():
            return USUAL
        raise _nowhere()

    def load(self, *, level: str = "warning") -> Config:
        """Load the configuration, and from here on log without its secrets.

        Args:
            level: the least important line to log, where nobody asks for another.

        Raises:
            ConfigError: it is missing or wrong.
        """
        from instep.config import load

        self._level()
        config = load(self.place(), os.environ)
        self.log(config, level=level)
        return config

    def log(self, config: Config, *, level: str = "") -> None:
        """Log as this call and a configuration say; what was secret before remains so."""
        from instep import logs

        self.secrets = tuple(dict.fromkeys((*self.secrets, *config.secrets())))
        told = self._level() or level or config.log.level.value
        logs.setup(format=config.log.format.value, level=told, secrets=self.secrets)

    def _level(self) -> str:
        """Give the level asked for by this call or by its environment, if any."""
        asked = "debug" if self.debug else os.environ.get("INSTEP_LOG", "").lower()
        if asked and asked not in LEVELS:
            raise UsageError(f'$INSTEP_LOG is "{asked}"', advice=f"one of {', '.join(LEVELS)}")
        return asked

    def hide(self, text: str) -> str:
        """Blot the secrets out of a text, all but those too short to be any."""
        from instep.logs import SHORT

        for secret in sorted((s for s in self.secrets if len(s) > SHORT), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def _nowhere() -> ConfigError:
    """Say where a configuration was looked for."""
    looked = f"--config is not given, $INSTEP_CONFIG is not set, and there is no ./{USUAL}"
    hint = "instep init writes one; or see it work first: instep demo"
    return ConfigError((Problem(f"no configuration: {looked}", hint=hint, code="E101"),))


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep what is given in the call; not given after the command, what is before it stands."""
    if value and parameter.name:
        setattr(context.ensure_object(Call), parameter.name, value)


config_option = click.option(
    "--config",
    metavar="PATH",
    expose_value=False,
    callback=_remember,
    help="The configuration file; else $INSTEP_CONFIG, else ./instep.yaml.",
)
debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Log everything, and show the traceback of a bug.",
)
json_option = click.option(
    "--json",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember,
    help="Print one JSON object in place of text.",
)


def command(
    name: str, *, json: bool = True
) -> Callable[[Callable[Concatenate[Call, P], int]], click.Command]:
    """Make a command of a function that takes the call and answers the exit code."""

    def made(function: Callable[Concatenate[Call, P], int]) -> click.Command:
        built = click.command(name)(click.pass_obj(function))
        for option in (config_option, debug_option, *((json_option,) if json else ())):
            option(built)
        return built

    return made
