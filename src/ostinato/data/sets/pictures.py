"""Sets of pictures that become texts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from ostinato.data.readers import ReadOptions
from ostinato.data.rows import Row
from ostinato.data.sets.box_captions import (
    all_said,
    all_said_in_all_orders,
    box_caption_rows,
)
from ostinato.data.sets.digit_captions import digit_caption_rows
from ostinato.data.sets.named_set import NamedSet, Part
from ostinato.data.sets.sources import made_files, public_files


def pictures() -> Iterator[NamedSet]:
    """Yield the sets."""
    yield from _digits()
    yield _boxes()


def _digits() -> Iterator[NamedSet]:
    commit = "283b387221ab46655e600cfcc25d843bb14292b9"
    files = {"image": "t10k-images-idx3-ubyte.gz", "label": "t10k-labels-idx1-ubyte.gz"}
    # No image of a digit is in two parts: the first, the end, and how many are made of them.
    cuts = {
        "train": (0, 8000, 20_000),
        "dev": (8000, 9000, 1000),
        "test": (9000, 10_000, 2000),
    }
    for language, words in (("en", "English"), ("ko", "Korean")):
        yield NamedSet(
            f"caption_digits_{language}",
            f"images of one to four handwritten digits, made from MNIST, in {words} words",
            "none stated (commonly listed as CC BY-SA 3.0)",
            f"github.com/kelas/mnist@{commit}",
            "mnist_t10k",
            public_files("mnist_t10k", "kelas/mnist", commit),
            {
                part: Part(
                    files,
                    ReadOptions(format="images"),
                    partial(
                        _composed,
                        start=start,
                        stop=stop,
                        language=language,
                        num_images=num_images,
                        seed=seed,
                    ),
                )
                for seed, (part, (start, stop, num_images)) in enumerate(cuts.items())
            },
            input="image",
            target="caption",
            task="image-to-text",
        )


def _composed(
    rows: Iterator[Row], *, start: int, stop: int, language: str, num_images: int, seed: int
) -> Iterator[Row]:
    return digit_caption_rows(
        islice(rows, start, stop), language=language, num_images=num_images, seed=seed
    )


def _boxes() -> NamedSet:
    commit = "18924841aa96d519cfb8584f0945350f07a6d860"
    said = public_files("nlvr", "lil-lab/nlvr", commit, _path_of_boxes)
    files = {**made_files("nlvr"), **{name: said[name] for name in ("dev.json", "test.json")}}
    table = ReadOptions(format="tsv", header=True, quoting=False)
    lines = ReadOptions(format="jsonl")
    stems = {"train": "train_examples", "dev": "dev", "test": "test"}
    return NamedSet(
        "nlvr_captions",
        "Cornell NLVR: three boxes of coloured shapes, and the true sentences about them",
        "CC BY 4.0",
        f"github.com/lil-lab/nlvr@{commit}, examples of nlvr/train, and one image of each "
        "example of nlvr/dev and nlvr/test, at half their size; boxes to learn from in all orders",
        "nlvr",
        files,
        {
            part: Part(
                {
                    "sentences": f"{stem}.tsv" if part == "train" else f"{stem}.json",
                    "images": f"images_{stem}_half.npz",
                },
                table if part == "train" else lines,
                # To learn from: in every order of the boxes.
                all_said_in_all_orders if part == "train" else partial(all_said, once=True),
                box_caption_rows,
            )
            for part, stem in stems.items()
        },
        input="image",
        target="caption",
        task="image-to-text",
    )


def _path_of_boxes(name: str) -> str:
    """Return the path of ``dev.json`` or ``test.json``."""
    return f"nlvr/{name.partition('.')[0]}/{name}"
