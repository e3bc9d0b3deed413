"""The command for whoever writes conversations: `maraba texts`. `maraba check` stands in bot/cli.py."""

import typer

from bot.config import ROOT
from bot.content import catalogues
from bot.content.loading import load

app = typer.Typer()


@app.command()
def texts() -> None:
    """Bring the translations in step with flows/: new texts are added empty, texts that are gone are dropped."""
    loaded = load(ROOT / "flows")
    for language in loaded.flows.languages:
        if language == "en":
            continue
        kept, missing = catalogues.update(ROOT / "locales", language, loaded)
        unreviewed = catalogues.read(ROOT / "locales", language).unreviewed
        typer.echo(f"{language}: {kept} kept, {missing} missing, {unreviewed} await native review")
