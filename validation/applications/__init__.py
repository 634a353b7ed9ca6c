"""The source's applications (its sections II and III) on real images: one case a file, run by its name."""

APPLICATIONS = ("a2", "a3", "a4", "a5", "a6", "training_speed")
