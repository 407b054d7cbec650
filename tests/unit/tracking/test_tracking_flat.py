from encdec.tracking.flat import cut, flattened, safe_key, shown


def test_sections_become_dotted_names_and_lists_stay_whole() -> None:
    section = {"network": {"hidden_dims": [256, 128], "nothing": {}}, "beta": 1.0, "off": None, "on": True}
    assert {key: shown(value) for key, value in flattened(section).items()} == {
        "network.hidden_dims": "[256, 128]",
        "beta": "1.0",
        "off": "null",
        "on": "true",
    }
    assert flattened({"a": 1}, "models.vae") == {"models.vae.a": 1}
    assert shown("ä 1") == "ä 1"


def test_keys_have_only_what_mlflow_takes_and_stay_apart_when_they_are_cut() -> None:
    assert safe_key("dvc.in/data/05_models/vae") == "dvc.in/data/05_models/vae"
    assert safe_key("a@b(c)") == "a_b_c_"
    first, second = safe_key("k" * 300), safe_key("k" * 300 + "l")
    assert len(first) == len(second) == 250
    assert first != second


def test_values_are_cut_at_the_limit() -> None:
    assert cut("12345", 5) == "12345"
    assert cut("123456", 5) == "12..."
