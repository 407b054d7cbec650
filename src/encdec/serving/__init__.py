"""What trained models answer to inputs from anywhere: arrays, files, folders, tables, requests."""
