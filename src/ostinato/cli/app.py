"""The commands and their options; what each does is in the module of its name."""

from __future__ import annotations

import errno
import io
import os
import re
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
def init(
    data: Annotated[Path, typer.Argument(help="A file or folder with examples, or a text.")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the recipe goes.  [default: NAME.yaml]"),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="What is learned.  [default: as the data look]", show_default=False),
    ] = None,
    column: Annotated[
        str | None, typer.Option("--input", metavar="COLUMN", help="What is read.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COLUMN", help="What is learned.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Look at data and write a recipe that suits them, each line with its reason."""
    from ostinato.cli.init import init_command

    init_command(data, output, task=task, column=column, target=target, force=force)


@app.command()
def check(
    recipe: Annotated[str, typer.Argument(help="A built-in recipe, or a YAML file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY.PATH=VALUE]...", help="Changes, such as data=FILE."),
    ] = None,
) -> None:
    """Show what a recipe would do, without training: data, shapes, sizes, time and memory."""
    from ostinato.cli.check import check_command

    raise typer.Exit(check_command(recipe, overrides or []))


@app.command()
def recipes(
    name: Annotated[
        str | None, typer.Argument(help="Show this one as it stands.", show_default=False)
    ] = None,
    data: Annotated[
        bool, typer.Option("--data", help="List the data sets that a recipe can name.")
    ] = False,
    keys: Annotated[
        str | None, typer.Option(metavar="TASK", help="List the keys of recipes of this task.")
    ] = None,
) -> None:
    """List the built-in recipes, the named data sets, or what a recipe can say."""
    from ostinato.cli.recipes import recipes_command

    recipes_command(name, data=data, keys=keys)


@app.command()
def train(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A name of `ostinato recipes`, or a YAML file.", show_default=False),
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
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="So many share every batch.  [default: 1, or as the run began]",
            show_default=False,
        ),
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
            "is missing: a name of `ostinato recipes`, or a YAML file", param_hint="RECIPE"
        )

    from ostinato.cli.train import resume_command, train_command

    if resume is not None:
        code = resume_command(resume, processes)
    else:
        code = train_command(recipe or "", overrides or [], run, force=force, processes=processes)
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
def draw(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    num: Annotated[int, typer.Option(help="Drawings.")] = 40,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw a sheet here: .html, .svg, .png or .pdf."),
    ] = None,
    real: Annotated[
        int, typer.Option(min=0, help="Drawings of the dev part, beside them on the sheet.")
    ] = 20,
    json_path: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every point here.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="1: as learned; less: more careful; above 0.")
    ] = 1.0,
    max_points: Annotated[
        int | None,
        typer.Option(help="Of a drawing.  [default: strokes.max_length]", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**63 - 1,
            help="Same seed, same drawings.  [default: others each time]",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Let a trained network draw: a sheet, or the points of each drawing as a line of JSON."""
    from ostinato.cli.draw import draw_command

    draw_command(
        run,
        num,
        figure=figure,
        num_real=real,
        json_path=json_path,
        temperature=temperature,
        max_points=max_points,
        seed=seed,
        checkpoint=checkpoint,
    )


_FORM = typer.Argument(
    metavar="[data.KEY=VALUE]...",
    help="How the file differs: data.encoding=latin-1, data.input=…; of a run that writes also "
    "how: decoding.method=greedy, decoding.beam_size=1, …",
)
_SAID = typer.Argument(
    help="A file or a text; - or nothing for standard input, answered line by line."
)
_OF_DECODING = re.compile(r"decoding\.\w+=")
_CHANGES = typer.Argument(
    metavar="[decoding.KEY=VALUE]...",
    help="How it writes: decoding.method=greedy or sample, whose words appear one by one, "
    "decoding.temperature=0.8, decoding.beam_size=10, …",
)


def _source_and_changes(
    source: str | None, changes: list[str] | None
) -> tuple[str | None, list[str]]:
    """Return what is read and how: a first argument that says how the model writes is no source."""
    given = changes or []
    if source is not None and _OF_DECODING.match(source):
        return None, [source, *given]
    return source, given


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    data: Annotated[
        Path | None,
        typer.Argument(help="A file in the form of the run's own.  [default: its test part]"),
    ] = None,
    changes: Annotated[list[str] | None, _FORM] = None,
    part: Annotated[
        Literal["test", "dev"], typer.Option(help="Of the run's own data, which part.")
    ] = "test",
    json_path: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every number here.")
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw here what a writer loses that reads its own words: .html, …"
        ),
    ] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Score a trained model, and naive predictors beside it, with confidence intervals."""
    from ostinato.cli.evaluate import evaluate_command

    file, given = _source_and_changes(None if data is None else str(data), changes)
    evaluate_command(
        run,
        None if file is None else Path(file),
        given,
        part=part,
        json_path=json_path,
        figure=figure,
        checkpoint=checkpoint,
    )


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    source: Annotated[
        str | None,
        typer.Argument(
            help="A file, a text, or - for standard input, a text in each line; a series whose end "
            "is read; images, or folders of them.  [default: of forecasts the run's own series]",
            show_default=False,
        ),
    ] = None,
    changes: Annotated[list[str] | None, _FORM] = None,
    form: Annotated[
        Literal["table", "jsonl"] | None,
        typer.Option("--format", help="[default: table on a terminal, else jsonl]"),
    ] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Of every label.")] = False,
    horizon: Annotated[
        int | None, typer.Option(help="Forecasts: steps ahead.  [default: as learned]")
    ] = None,
    quantiles: Annotated[
        str | None, typer.Option(metavar="Q,Q,…", help="Forecasts: 0.1,0.5,0.9.")
    ] = None,
    paths: Annotated[
        int | None, typer.Option(min=1, help="Forecasts: draw so many ways that it may go.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Of what is drawn: same seed, same draws."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw a forecast's fan, or what a writer looks at: .html, …"
        ),
    ] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Let a trained model label, tag, estimate, forecast, or write."""
    from ostinato.cli.predict import predict_command

    source, given = _source_and_changes(source, changes)
    predict_command(
        run,
        source,
        given,
        form=form,
        checkpoint=checkpoint,
        options={
            "probabilities": probabilities,
            "horizon": horizon,
            "quantiles": quantiles,
            "paths": paths,
            "seed": seed,
            "figure": figure,
        },
    )


@app.command()
def translate(
    run: Annotated[Path, typer.Argument(help="A run folder, or a saved model.")],
    source: Annotated[str | None, _SAID] = None,
    changes: Annotated[list[str] | None, _CHANGES] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Let a trained model write a line for each line: ostinato translate RUN < FILE."""
    from ostinato.cli.conversation import conversation_command

    source, given = _source_and_changes(source, changes)
    conversation_command(run, source, given, checkpoint=checkpoint)


@app.command()
def chat(
    run: Annotated[Path, typer.Argument(help="A run folder, or a saved model.")],
    source: Annotated[str | None, _SAID] = None,
    changes: Annotated[list[str] | None, _CHANGES] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Talk with a trained model: it answers each line, and remembers none of those before."""
    from ostinato.cli.conversation import conversation_command

    source, given = _source_and_changes(source, changes)
    conversation_command(run, source, given, checkpoint=checkpoint)


@app.command()
def suggest(
    run: Annotated[Path, typer.Argument(help="A run folder, or a saved model.")],
    source: Annotated[
        str | None,
        typer.Argument(
            help="A file or what is begun of a query, the query before and a tab in front of it if "
            "need be; - or nothing for standard input, answered line by line."
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[decoding.KEY=VALUE]...",
            help="How it suggests: decoding.num_best=10, decoding.beam_size=30, decoding.trie=true "
            "for queries of training alone, …",
        ),
    ] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Let a trained model complete what is begun of a query: ostinato suggest RUN < FILE."""
    from ostinato.cli.suggest import suggest_command

    source, given = _source_and_changes(source, changes)
    suggest_command(run, source, given, checkpoint=checkpoint)


@app.command()
def serve(
    run: Annotated[Path, typer.Argument(help="A run folder, or a saved model.")],
    host: Annotated[str, typer.Option(help="0.0.0.0: for everyone on the network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 8000,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Show the page in the browser.")
    ] = False,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Serve a trained model: a page that shows its memory, and an API that streams."""
    from ostinato.cli.serve import serve_command

    serve_command(run, host=host, port=port, open_page=open_page, checkpoint=checkpoint)


@app.command()
def lens(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    text: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|FILE|-", help="What it reads.  [default: what it did not learn from]"
        ),
    ] = None,
    html_path: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the report here.")
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="Draw this run on the same figures; may be repeated."),
    ] = None,
    example: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of the dev part, or of the file, which one.  [default: a long one]",
            show_default=False,
        ),
    ] = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every number here.")
    ] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Which weights.")] = "best",
) -> None:
    """Measure what a memory does: its gradient, horizon, gates, units that mean something."""
    from ostinato.cli.lens import lens_command

    lens_command(
        run,
        text,
        beside=beside or [],
        example=example,
        html_path=html_path,
        json_path=json_path,
        checkpoint=checkpoint,
    )


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two run folders or more, of one data set.")],
    part: Annotated[
        Literal["dev", "test"],
        typer.Option(help="Of their data: dev, to choose by, or test, for one look at the end."),
    ] = "dev",
) -> None:
    """Score runs on the same examples; intervals of the differences by the paired bootstrap."""
    from ostinato.cli.compare import compare_command

    compare_command(runs, part=part)


@app.command()
def reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(help="Built-in recipes with a row in docs/results.md.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them, one after another.")] = False,
    folder: Annotated[Path, typer.Option("--runs", help="Where the run folders go.")] = Path(
        "runs"
    ),
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows into this table: docs/results.md."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Train again where a run is there.")] = (
        False
    ),
) -> None:
    """Train a built-in recipe, score it once on its test part, and print its row of results."""
    from ostinato.cli.reproduce import reproduce_command

    raise typer.Exit(reproduce_command(names or [], folder, table, every=every, force=force))


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


@app.command()
def lab(
    problem: Annotated[str, typer.Argument(help="adding, copy or latch.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY.PATH=VALUE]...", help="Of the recipe: model.hidden_size=16."),
    ] = None,
    cells: Annotated[
        str, typer.Option(metavar="NAME,...", help="Of `ostinato cells`; or one cell's equations.")
    ] = "elman,lstm,gru",
    steps: Annotated[
        str, typer.Option(metavar="T,...", help="How long something is to be remembered.")
    ] = "10,30,100,300",
    seeds: Annotated[int, typer.Option(min=1, help="Networks for each cell and length.")] = 1,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1, help="Steps of the optimizer.  [default: by problem]", show_default=False
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the curves here: .html, .svg, .png or .pdf."),
    ] = None,
) -> None:
    """Measure how long cells remember: small networks on problems of any length."""
    from ostinato.cli.lab import lab_command

    code = lab_command(
        problem,
        cells=cells,
        lengths=steps,
        num_seeds=seeds,
        budget=budget,
        figure=html,
        changes=changes or [],
    )
    raise typer.Exit(code)


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
