"""The models under test: short trainings of their own, or with --model-folder one that was trained before."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--model-folder", help="a trained model, as the train stage wrote it, e.g. data/05_models/cnn")
    parser.addoption("--prepared-folder", help="the prepared data that it reads, e.g. data/03_prepared/images")
