"""What a value is: canonical encoding, digest, serializers, files."""
