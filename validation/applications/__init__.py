"""The source's applications (its section II and III) on real images: one case a file."""
