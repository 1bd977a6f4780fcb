"""Parameters: one frozen, fully checked object per block, and the merging of arms from named deltas."""
