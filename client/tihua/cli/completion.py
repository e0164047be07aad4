"""`tihua completion`: the script that completes commands in a shell."""

import click
from click.shell_completion import get_completion_class

from tihua.cli._command import Command


@click.command(
    "completion",
    cls=Command,
    examples=[
        'eval "$(tihua completion bash)"                                 # bash, this shell',
        "tihua completion bash > ~/.local/share/bash-completion/completions/tihua",
        "tihua completion zsh > ~/.zfunc/_tihua                          # with ~/.zfunc in fpath",
        "tihua completion fish > ~/.config/fish/completions/tihua.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes tihua's commands in your shell."""
    completion = get_completion_class(shell)
    if completion is None:
        raise LookupError(f"click has no completion for {shell}. This is a bug.")
    script = completion(ctx.find_root().command, {}, "tihua", "_TIHUA_COMPLETE").source()
    click.echo(script)
