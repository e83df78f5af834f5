"""From files to numbers: readers, vocabularies, streamed windows."""

from ostinato.data.corpus import Corpus, Part, build_corpus, with_context
from ostinato.data.errors import DataError
from ostinato.data.standard_library import standard_library_text
from ostinato.data.streams import PADDING, StreamedWindows, Window
from ostinato.data.text_file import is_file, looks_like_path, read_text
from ostinato.data.units import Unit
from ostinato.data.vocabulary import Ids, Normalization, Vocabulary

__all__ = [
    "PADDING",
    "Corpus",
    "DataError",
    "Ids",
    "Normalization",
    "Part",
    "StreamedWindows",
    "Unit",
    "Vocabulary",
    "Window",
    "build_corpus",
    "is_file",
    "looks_like_path",
    "read_text",
    "standard_library_text",
    "with_context",
]
