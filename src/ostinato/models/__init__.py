"""The shapes of sequence problem, as models over any cell."""
