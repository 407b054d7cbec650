"""The application that `encdec serve` starts; it imports nothing of encdec, for the model brings its own."""
