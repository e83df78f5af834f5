"""Readers: from files of many formats to rows."""

from ostinato.data.readers.formats import guess_format
from ostinato.data.readers.options import Files, ReadOptions
from ostinato.data.readers.reading import columns_of, read_rows

__all__ = ["Files", "ReadOptions", "columns_of", "guess_format", "read_rows"]
