"""The figures a release must reach, one table a module."""
