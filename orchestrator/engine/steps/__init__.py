"""The only code that changes a network: one module per kind of change, every change journaled."""
