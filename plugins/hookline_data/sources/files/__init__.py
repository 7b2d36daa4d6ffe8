"""Files of tables: read cell by cell into the types of a schema, and written whole."""
