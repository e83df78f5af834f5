"""Recipes, the loop, checkpoints, metrics: from a text to a model that writes."""
