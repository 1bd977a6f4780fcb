"""Readers of data set trees: one module per layout, all giving a `Reading`."""
