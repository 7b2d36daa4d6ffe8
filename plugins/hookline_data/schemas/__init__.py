"""What a table must look like: read from a project's files, made fit for pandera, taken from tables that are there."""
