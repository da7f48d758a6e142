"""Networks from container images, run by the `docker` program."""
