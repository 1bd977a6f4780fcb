"""Scores of whole test sets: one definition of every number for all studies, methods and folders of estimates."""
