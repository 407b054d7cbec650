"""What a person drew on the pad: strokes, as the page sends them, and their ink."""

import json
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydantic import Field, TypeAdapter, ValidationError

PAD_SIDE = 280
"""Width and height of the pad, in its own units."""
BRUSH = 26.0
"""Width of the line that is seen on the pad."""
BRUSH_SHARE = 0.125
"""Width of the line beside the longer side of what was drawn: a pen's beside a digit's."""
MAX_STROKES, MAX_POINTS = 500, 5000
SMOOTHING = 4
"""The ink is drawn so many times as large and averaged, so that its edges are smooth."""

Coordinate = Annotated[float, Field(ge=-PAD_SIDE, le=2 * PAD_SIDE, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate]
Stroke = Annotated[list[Point], Field(min_length=1, max_length=MAX_POINTS)]
Strokes = list[list[tuple[float, float]]]
STROKES: TypeAdapter[Any] = TypeAdapter(Annotated[list[Stroke], Field(max_length=MAX_STROKES)])


def read_strokes(text: str | None) -> Strokes:
    """Lists of points [x, y] in the units of the pad, from the JSON that the page sends; nothing drawn is no stroke.

    Raises:
        ValueError: something else was sent.
    """
    if not text:
        return []
    try:
        strokes: Strokes = STROKES.validate_python(json.loads(text))
    except (ValidationError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("the drawing could not be read: clear the pad and draw again") from error
    return strokes


def draw_ink(strokes: Strokes) -> NDArray[np.float32]:
    """How much of each place of the pad is covered, (PAD_SIDE, PAD_SIDE) from 0 to 1.

    What is drawn small is drawn with a thinner line, as if the pen had been smaller too: a model sees it enlarged, and
    the line of the pad would then be thicker than any that it was trained on.
    """
    picture = Image.new("L", (PAD_SIDE * SMOOTHING, PAD_SIDE * SMOOTHING))
    pen, radius = ImageDraw.Draw(picture), SMOOTHING * line_width(strokes) / 2
    for stroke in strokes:
        points = [(SMOOTHING * x, SMOOTHING * y) for x, y in stroke]
        pen.line(points, fill=255, width=round(2 * radius), joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    small = picture.reduce(SMOOTHING)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def line_width(strokes: Strokes) -> float:
    points = np.array([point for stroke in strokes for point in stroke], dtype=np.float64).reshape(-1, 2)
    extent = float(np.ptp(points, axis=0).max()) if len(points) else 0.0
    return BRUSH if extent < BRUSH else min(BRUSH, BRUSH_SHARE * (extent + BRUSH))
