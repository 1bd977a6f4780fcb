"""Audio files and elementary signal operations: NumPy arrays in, NumPy arrays out."""
