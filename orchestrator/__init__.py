"""Builds, deploys and syncs Internet Computer projects per environment."""

__version__ = "0.1.0"
