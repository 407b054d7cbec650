"""What is wrong with an input that somebody gave a trained model."""


class InputError(ValueError):
    """An input or a parameter that the model cannot answer; the message says what it should be."""
