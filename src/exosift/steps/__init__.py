"""One module a sub-command: open, call, save, record."""
