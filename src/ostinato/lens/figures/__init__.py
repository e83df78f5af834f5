"""Figures of measurements: one look for notebooks, reports and the page."""
