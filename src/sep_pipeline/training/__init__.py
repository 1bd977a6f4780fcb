"""One training loop for every study: tasks, optimisation, checkpoints and exact resumption.

Nothing is imported here, so that `training.config` can be read without loading torch.
"""
