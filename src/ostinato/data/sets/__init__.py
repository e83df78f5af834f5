"""Named sets: public data that recipes can name."""
