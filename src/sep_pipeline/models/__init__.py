"""Networks as plain `nn.Module`s with their configurations, and the files their weights come from."""
