"""The shape of one image, as networks are told it."""

from encdec.cards import ImageCard

Shape = tuple[int, int, int]
"""Channels, height, width."""


def shape_of(card: ImageCard) -> Shape:
    return card.channels, card.height, card.width
