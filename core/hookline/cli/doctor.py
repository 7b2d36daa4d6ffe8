"""``hookline doctor``."""

from __future__ import annotations

import sys

import typer

from hookline.cli.exits import ExitCode
from hookline.cli.options import Env, Json, StoreAt
from hookline.cli.output import emphasised, say, show, show_json
from hookline.cli.sections import SectionedCommand
from hookline.cli.wording import clean, one_line
from hookline.cli.working import Working
from hookline.config import configure, store_address

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


@app.command(cls=SectionedCommand)
def doctor(store: StoreAt = None, env: Env = None, as_json: Json = False) -> None:
    """Check that this machine can run workflows, and say what to mend.

    Exits with 5 where something fails; warnings are no failures.
    """
    from hookline.engine.doctor import examine
    from hookline.hooks.stores import open_configured

    with Working(as_json) as working:
        findings = examine(
            store_address(store, env=env),
            tell=lambda name: working(f"checking {name}"),
            open_url=lambda: open_configured(configure(env=env, store=store or None)),
        )
    if as_json:
        show_json({"findings": [finding._asdict() for finding in findings]})
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = emphasised(finding.level.ljust(4), _STYLES[finding.level], sys.stdout)
            show(f"{mark}  {finding.name.ljust(width)}  {one_line(finding.text)}")
            if finding.help:
                show(f"      {''.ljust(width)}  help: {clean(finding.help)}")
    if any(finding.level == "fail" for finding in findings):
        say("something fails; workflows may not run here")
        raise typer.Exit(ExitCode.STORE)
