"""What the stage `baselines` writes and `evaluate` reads, which loads none of the libraries that fit."""

LOGISTIC_FILE = "logistic_regression.parquet"
PCA_FILE = "pca_errors.npy"
PPCA_FILE = "ppca_nll.npy"
BERNOULLI_FILE = "bernoulli_nll.npy"
WIENER_FILE = "wiener.parquet"
TEXTS_FILE = "texts.parquet"
NOISE_FILE = "noise.json"
