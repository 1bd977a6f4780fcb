"""Result tables, comparisons and figures: score frames in, text, frames and PNG files out."""
