"""encdec: encoders and decoders, and the pipeline that trains, compares and retrains them."""
