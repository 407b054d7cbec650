"""What a folder of prepared data says about itself: `card.json`, read without torch."""

from typing import Literal

from encdec.params.section import Section

PAD_ID, BOS_ID, EOS_ID, UNK_ID = 0, 1, 2, 3
CARD_FILE = "card.json"


class ImageCard(Section):
    """`pixel_max`: the stored value that means 1.0."""

    kind: Literal["images"]
    source: str
    channels: int
    height: int
    width: int
    pixel_max: int
    classes: tuple[str, ...]

    @property
    def inputs(self) -> int:
        """Values of one image."""
        return self.channels * self.height * self.width


class PairCard(Section):
    """`max_target_length`: the most target tokens of a row of train, EOS counted."""

    kind: Literal["pairs"]
    source: str
    source_vocab_size: int
    target_vocab_size: int
    max_source_length: int
    max_target_length: int
    target_tokens: Literal["characters", "words", "bpe"]


Card = ImageCard | PairCard
