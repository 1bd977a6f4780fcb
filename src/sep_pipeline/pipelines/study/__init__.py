"""What nodes of every study share: training a cell, separating and scoring the test tracks, tables."""
