"""A kit for those who test workflows and plugins."""
