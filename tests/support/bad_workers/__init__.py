"""Programs that take a worker's place and do not do its job."""
