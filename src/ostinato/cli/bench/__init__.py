"""``ostinato bench``: our layers and others, on the same numbers, in the same run."""
