"""Trained models behind HTTP: a page that shows their memory, and an API that streams."""
