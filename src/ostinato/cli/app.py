"""The commands and their options; what each does is in the module of its name."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

import ostinato
from ostinato.core.errors import OptionError, OstinatoError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

app = typer.Typer(
    name="ostinato",
    epilog="With --debug, anywhere, an error shows its stack trace.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version."),
    ] = False,
) -> None:
    """Recurrent networks from their equations."""
    if version:
        typer.echo(f"ostinato {ostinato.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def train(
    recipe: Annotated[
        str | None, typer.Argument(help="hello, text, stdlib, or a YAML file.", show_default=False)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY.PATH=VALUE]...", help="Changes, such as data=FILE."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="The run folder.  [default: runs/RECIPE]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a run that is there.")] = False,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with this run.", metavar="RUN")
    ] = None,
) -> None:
    """Train a model by a recipe, or go on with a run."""
    if resume is not None and (recipe or overrides or run or force):
        raise typer.BadParameter(
            "takes no recipe, changes, --run or --force: a run goes on as it began",
            param_hint="--resume",
        )
    if resume is None and recipe is None:
        raise typer.BadParameter(
            "is missing: hello, text, stdlib, or a YAML file", param_hint="RECIPE"
        )

    from ostinato.cli.train import resume_command, train_command

    if resume is not None:
        code = resume_command(resume)
    else:
        code = train_command(recipe or "", overrides or [], run, force=force)
    raise typer.Exit(code)


@app.command()
def generate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    prompt: Annotated[
        str | None, typer.Option(help="The beginning.  [default: a new line]")
    ] = None,
    length: Annotated[int, typer.Option(help="Characters to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="1: as learned; less: more careful; 0: the most likely.")
    ] = 0.8,
    top_p: Annotated[
        float, typer.Option(help="Keep the likeliest units of this share of the probability.")
    ] = 1.0,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**63 - 1,
            help="Same seed, same text.  [default: another text each time]",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Let a trained language model write."""
    from ostinato.cli.generate import generate_command

    generate_command(
        run,
        prompt,
        length=length,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        checkpoint=checkpoint,
    )


@app.command()
def cells(
    input_size: Annotated[int, typer.Option(min=1, help="For the sizes that are shown.")] = 128,
    hidden_size: Annotated[int, typer.Option(min=1, help="For the sizes that are shown.")] = 128,
) -> None:
    """List the cells that are known by name."""
    from ostinato.cli.cells import cells_command

    cells_command(input_size, hidden_size)


@app.command()
def explain(
    cell: Annotated[str, typer.Argument(help="A name, equations, or a file of equations.")],
    input_size: Annotated[int | None, typer.Option(min=1, help="Gives numbers.")] = None,
    hidden_size: Annotated[int | None, typer.Option(min=1, help="Gives numbers.")] = None,
    output_size: Annotated[int | None, typer.Option(min=1, help="Gives numbers.")] = None,
) -> None:
    """Show everything that is inferred from a cell's equations."""
    from ostinato.cli.cells import explain_command

    given = {"input_size": input_size, "hidden_size": hidden_size, "output_size": output_size}
    explain_command(cell, {name: size for name, size in given.items() if size is not None})


@app.command()
def bench(
    against: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="torch, onnxruntime, eager, jax; or all that are installed.  "
            "[default: torch; eager for a cell that torch does not have]",
        ),
    ] = None,
    cell_names: Annotated[
        str | None,
        typer.Option(
            "--cells",
            metavar="NAME,...",
            help="Of `ostinato cells`.  [default: lstm,gru,elman; full adds mingru,minlstm]",
        ),
    ] = None,
    grid: Annotated[
        Literal["small", "full"], typer.Option(help="Three shapes, or all of them.")
    ] = "small",
    json_path: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every number here.")
    ] = None,
    figure_path: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE", help="Draw the ratios here, as SVG.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of everyone alike.  [default: as torch chooses]")
    ] = None,
    dtype: Annotated[
        Literal["float32", "float64"], typer.Option(help="Of weights and inputs.")
    ] = "float32",
    engine: Annotated[str, typer.Option(help="Ours: auto, or an engine's name.")] = "auto",
    ours: Annotated[
        Literal["layer", "runtime"],
        typer.Option(help="The layer in torch, or saved and run without torch: inference alone."),
    ] = "layer",
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instead of layers: training steps of this recipe, with our layer and torch's.",
        ),
    ] = None,
) -> None:
    """Time our layers and others in turn, on the same numbers."""
    if recipe is not None:
        raise typer.Exit(
            _bench_recipe(recipe, threads, against, cell_names, json_path, figure_path)
        )
    from ostinato.cli.bench.command import bench_command

    code = bench_command(
        against,
        cell_names,
        grid=grid,
        json_path=json_path,
        figure_path=figure_path,
        num_threads=threads,
        dtype=dtype,
        engine=engine,
        side=ours,
    )
    raise typer.Exit(code)


def _bench_recipe(name: str, threads: int | None, *others: object) -> int:
    from ostinato.cli.bench.command import EFFORT
    from ostinato.cli.bench.recipe_steps import recipe_command

    if any(other is not None for other in others):
        raise OptionError(
            "--recipe measures one model against torch's layer: it takes --threads alone\n"
            "mend: leave --against, --cells, --json and --figure out"
        )
    return recipe_command(name, effort=EFFORT, num_threads=threads)


def run(arguments: Sequence[str]) -> int:
    """Run a command; a user's mistake becomes a short message on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a stand-in instead of ending the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    debug = "--debug" in arguments
    rest = [argument for argument in arguments if argument != "--debug"]
    try:
        # `app(…)` would put typer's own handler of unforeseen errors in the place of ours.
        command = typer.main.get_command(app)
        code = command.main(args=rest, prog_name="ostinato", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        functions = [command.callback for command in app.registered_commands]
        names = [function.__name__ for function in functions if function]
        words = ["ostinato", *(argument for argument in rest[:1] if argument in names), "--help"]
        message = f"{error.format_message().strip()}\nmend: see `{' '.join(words)}`"
        return _fail(message, error, debug)
    except OstinatoError as error:
        return _fail(str(error), error, debug)
    except BrokenPipeError:
        # Whoever read the output went away, as `head` does: end quietly, as typer does elsewhere.
        _discard_output()
        return 1
    except OSError as error:
        # Whatever else writes says itself what it could not write.
        if error.errno not in _FULL:
            raise
        _discard_output()
        message = (
            f"cannot write the output: {error.strerror}\n"
            "mend: free some space, or send the output somewhere else"
        )
        return _fail(message, error, debug)
    return code if isinstance(code, int) else 0


def _discard_output() -> None:
    """Let what is still buffered go nowhere, so that Python's own last flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
        return 2
    print(f"error: {message}", file=sys.stderr)
    return 2
