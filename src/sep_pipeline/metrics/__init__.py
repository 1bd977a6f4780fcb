"""Scores of estimates against references, and their aggregation over frames, tracks and seeds."""
