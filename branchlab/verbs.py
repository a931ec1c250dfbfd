"""What all verbs of the command line have: they end in one line, and their help is in the language spoken."""

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from functools import partial, wraps
from importlib import import_module
from inspect import Parameter, Signature, cleandoc, signature
from typing import Any, ClassVar

import psutil
import typer
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

from branchlab import interruption
from branchlab.console import end_in_a_line
from branchlab.errors import LabError
from branchlab.language import N_, _, shown
from branchlab.networks.interrupted import ending_of
from branchlab.options import Lang
from branchlab.usage import mistake

_HEADINGS = {
    "ARGUMENTS_PANEL_TITLE": N_("Arguments"),
    "OPTIONS_PANEL_TITLE": N_("Options"),
    "COMMANDS_PANEL_TITLE": N_("Commands"),
    "ERRORS_PANEL_TITLE": N_("Error"),
    "DEFAULT_STRING": N_("[default: {}]"),
    "ENVVAR_STRING": N_("[env var: {}]"),
    "REQUIRED_LONG_STRING": N_("[required]"),
    "RICH_HELP": N_("Try [blue]'{command_path} {help_option}'[/] for help."),
}
"""Typer's own words around a help text, by the names of their variables."""


class _Spoken:
    """The help of a command, in the language spoken when it is shown."""

    help: str | None
    params: list[Any]

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]  # of the command that this is mixed into
        if option is not None:
            option.help = _(N_("Show this message and exit."))
        return option

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        pieces = self.collect_usage_pieces(ctx)  # type: ignore[attr-defined]  # the same
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=_("Usage: "))

    def translate(self) -> None:
        """Puts each text of the help into the language spoken."""
        for texts in (self, *self.params):
            if key := key_of(texts.help):
                texts.help = _(key)


def key_of(text: str | None) -> str:
    """The key of a help text in the catalogue: a blank or an indented line begins a new one, and
    other ends of lines do not matter."""
    lines = "\n".join(line.rstrip() for line in cleandoc(text or "").splitlines())
    return re.sub(r"(?<=\S)\n(?=\S)", " ", lines)


class Verb(_Spoken, TyperCommand):
    """A verb that ends in one line when somebody interrupts it, whatever it was at."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self.translate()

    def invoke(self, ctx: Any) -> Any:
        """Runs it. Exits 130 after Ctrl-C."""
        verb, given = str(self.name), ctx.params
        with interruption.heeded() as heed:

            def give_up() -> str:
                _end_programs()
                return ending_of(verb, given, heed, given_up=True)

            heed.give_up = give_up
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                line = ending_of(verb, given, heed)
            except LabError as error:
                if not heed.came:
                    raise
                line = ending_of(verb, given, heed, trouble=shown(error.args[0]))
            finally:
                heed.over = True
            end_in_a_line(line)
            raise typer.Exit(interruption.EXIT_CODE)


class _Commands(MutableMapping[str, Any]):
    """The commands by name, each made when it is asked for, in the language spoken then."""

    def __init__(self, loads: Mapping[str, "_Load"]) -> None:
        self._loads = loads
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._loads[name]()
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._loads, **self._made})

    def __len__(self) -> int:
        return len({**self._loads, **self._made})


class _Group(_Spoken, TyperGroup):
    """All verbs."""

    loads: ClassVar[Mapping[str, "_Load"]]

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self.commands = _Commands(self.loads)
        self.translate()


class Verbs(typer.Typer):
    """The command line, all of whose commands are verbs. Each takes `--lang`, and so does `./lab` itself.

    A verb's module is imported when the verb is called or its help is asked for."""

    def __init__(self, *, help: str) -> None:
        self._loads: dict[str, _Load] = {}
        group = type("Group", (_Group,), {"loads": self._loads})
        super().__init__(cls=group, **_PLAIN, no_args_is_help=True, help=help)
        self.callback()(_taking_lang(lambda: None))

    def add(self, module: str, *functions: str, **how: Any) -> None:
        """Adds functions of a module, each as the verb of its name. `how` is for Typer's `command`."""
        for function in functions:
            name = function.replace("_", "-")
            self.add_made(name, partial(function_of, module, function), **how)

    def add_made(self, name: str, make: Callable[[], Callable[..., Any]], **how: Any) -> None:
        """Adds the verb that `make` gives when it is called for."""
        self._loads[name] = partial(_command, name, make, how)


def function_of(module: str, function: str) -> Any:
    """A function of a module, which is imported now."""
    return getattr(import_module(module), function)


def _command(name: str, make: Callable[[], Callable[..., Any]], how: Mapping[str, Any]) -> Any:
    alone = typer.Typer(**_PLAIN)
    alone.command(name, cls=Verb, **how)(_taking_lang(make()))
    return typer.main.get_command(alone)


_Load = Callable[[], Any]
_PLAIN: Mapping[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False}


@contextmanager
def spoken_headings() -> Iterator[None]:
    """Lets Typer's own words be in the language spoken while the block runs."""
    changed: dict[str, object] = {name: _(text) for name, text in _HEADINGS.items()}
    changed["rich_format_error"] = _show_mistake
    before = {name: getattr(rich_utils, name) for name in changed}
    for name, value in changed.items():
        setattr(rich_utils, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(rich_utils, name, value)


def _show_mistake(error: Any, _show: Callable[[Any], None] = rich_utils.rich_format_error) -> None:
    said = mistake(error.format_message())
    error.format_message = lambda: said
    _show(error)


def _taking_lang(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The verb with an option `--lang` more, which the command line has read by then. One that has a use for
    it of its own stays as it is."""
    own = signature(verb, eval_str=True).parameters
    if "lang" in own:
        return verb

    @wraps(verb)
    def taking(*args: Any, lang: str | None, **given: Any) -> Any:
        return verb(*args, **given)

    lang = Parameter("lang", Parameter.KEYWORD_ONLY, annotation=Lang, default=None)
    parameters = [*own.values(), lang]
    taking.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(taking)["__signature__"] = Signature(parameters)
    return taking


def _end_programs() -> None:
    """Kills what this program runs, such as Locust. Nodes are nobody's children, and run on."""
    with suppress(psutil.Error):
        for program in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                program.kill()
