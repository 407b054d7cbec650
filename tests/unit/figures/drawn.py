"""A picture as matplotlib's own objects, to look at what stands in it."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from encdec.figures.picture import Picture
from encdec.figures.style import CSS_DPI, LIGHT, SCALE, Theme, drawn_in


def drawn(picture: Picture, theme: Theme = LIGHT) -> Figure:
    with drawn_in(theme):
        figure = Figure(figsize=(picture.width / CSS_DPI, picture.height / CSS_DPI), dpi=CSS_DPI * SCALE)
        canvas = FigureCanvasAgg(figure)
        picture.draw(figure, theme)
        canvas.draw()
    return figure


def texts(figure: Figure) -> list[str]:
    """Every text of the figure that is not empty, tick labels included."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
