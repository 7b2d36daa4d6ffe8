"""``hookline steps``."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hookline.cli.options import Json
from hookline.cli.output import say, show, show_json
from hookline.cli.sections import SectionedCommand
from hookline.cli.wording import clean, hint, one_line, table

if TYPE_CHECKING:
    from hookline.model.step import Step

app = typer.Typer(add_completion=False, rich_markup_mode=None)

StepName = Annotated[
    str, typer.Argument(metavar="STEP", help="A step: a registered name (data.validate), or module:name.")
]


@app.callback(invoke_without_command=True)
def steps(context: typer.Context) -> None:
    """List the steps that plugins bring, or show how one is used."""
    if context.invoked_subcommand is None:
        show(context.get_help())


@app.command(name="list", cls=SectionedCommand)
def list_steps(as_json: Json = False) -> None:
    """List the steps that plugins bring; none of them is imported."""
    from hookline.worker.declared import registered_steps

    known = registered_steps()
    entries = [known.entry(name) for name in known.names()]
    if as_json:
        rows = [{"name": entry.name, "summary": entry.summary, "source": entry.source} for entry in entries]
        show_json({"steps": rows})
        return
    for line in table(
        (), [(one_line(entry.name), one_line(entry.summary), one_line(entry.source)) for entry in entries]
    ):
        show(line)
    if entries:
        say(f"how one is used: {hint('steps', 'show', entries[0].name)}")
    else:
        say("no plugin brings steps; a step of your own is used by its module: module:name")


@app.command(name="show", cls=SectionedCommand)
def show_step(name: StepName, as_json: Json = False) -> None:
    """Show what a step takes, returns and does, and the YAML by which a workflow uses it."""
    from hookline.graph.declared.form import signature_text, step_parameters, yaml_form
    from hookline.worker.declared import find_step_here

    step, source = find_step_here(name)
    options = _own_options(step)
    doc = inspect.cleandoc(step.fn.__doc__ or "")
    if as_json:
        show_json(
            {
                "name": name,
                "source": source,
                "doc": doc,
                "signature": signature_text(step),
                "parameters": [
                    {"name": parameter.name, "required": parameter.required} for parameter in step_parameters(step)
                ],
                "options": {key: _as_data(value) for key, value in options.items()},
                "yaml": yaml_form(step, name),
            }
        )
        return
    show(clean(signature_text(step)))
    show(f"of {one_line(source)}")
    if doc:
        show()
        show(clean(doc))
    if options:
        show()
        show("Options: " + ", ".join(f"{key}={one_line(str(_as_data(value)))}" for key, value in options.items()))
    show()
    show("In YAML, below 'steps:':")
    show()
    for line in clean(yaml_form(step, name)).splitlines():
        show(f"  {line}")


def _own_options(step: Step[..., Any]) -> dict[str, Any]:
    """Give the options that are not the defaults."""
    from hookline.model.options import Options

    plain = Options()
    own = {field.name: getattr(step.declared, field.name) for field in dataclasses.fields(Options)}
    return {name: value for name, value in own.items() if value != getattr(plain, name)}


def _as_data(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_data(part) for part in value]
    if isinstance(value, type):
        return value.__name__
    return dict(value) if hasattr(value, "keys") else value
