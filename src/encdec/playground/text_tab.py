"""Type a text: the model's answer, where it looked, and what else it thought of."""

import gradio as gr

from encdec.figures.attention import END, Reading, attention
from encdec.playground import markup
from encdec.playground.events import connect
from encdec.playground.opening import Opened
from encdec.playground.translate import LONGEST, Translation, translate

FEW_EXAMPLES, MOST_EXAMPLES, WIDEST_BEAM = 12, 24, 16


def text_tab(opened: Opened) -> None:
    """Needs the model of texts alone; its examples are of the test rows."""
    model = opened.texts
    if model is None:
        gr.HTML(markup.problem(f"There is no model of texts. {opened.missing.get('seq2seq', '')}"))
        return
    examples = some_sources(opened)
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            text = gr.Textbox(label="Text", max_length=LONGEST, placeholder=examples[0] if examples else "", lines=1)
            width = gr.Slider(
                1, WIDEST_BEAM, value=min(model.decoding.beam_size, WIDEST_BEAM), step=1, label="Beam width"
            )
            ask = gr.Button("Answer", variant="primary")
            choices = gr.Dataset(
                components=[text],
                samples=[[each] for each in examples],
                label="Examples (test texts)",
                samples_per_page=MOST_EXAMPLES,
                elem_id="samples",
            )
        with gr.Column(scale=2, min_width=320):
            told = gr.HTML(markup.note("Type a text and press Enter, or choose an example."), elem_id="told")
            drawn = gr.HTML(elem_id="attention")

    def respond(written: str, beam_size: float) -> tuple[str, str]:
        try:
            found = translate(model, written, beam_size=int(beam_size))
        except ValueError as error:
            return markup.problem(f"{error}."), ""
        return tell(found), show_attention(written, found)

    def respond_to(sample: list[str], beam_size: float) -> tuple[str, str, str]:
        return (sample[0], *respond(sample[0], beam_size))

    connect(ask.click, respond, [text, width], [told, drawn])
    connect(text.submit, respond, [text, width], [told, drawn])
    connect(choices.click, respond_to, [choices, width], [text, told, drawn])


def some_sources(opened: Opened) -> list[str]:
    """The first test source of each slice, which for dates is a language; then others, in their order."""
    if opened.pairs is None:
        return []
    rows = opened.pairs.rows.drop_duplicates("source")
    first = rows.drop_duplicates("slice")
    rest = rows.drop(first.index)
    few = rest["source"].head(max(FEW_EXAMPLES - len(first), 0))
    return [*first["source"].tolist(), *few.tolist()][:MOST_EXAMPLES]


def tell(found: Translation) -> str:
    """The answer, what was not understood of the text, and the alternatives."""
    best = found.answers[0]
    parts = [markup.answer(best.text or "(nothing)", f"probability {best.probability:.2%}")]
    if found.unknown:
        reads = "it as an unknown token" if len(found.unknown) == 1 else "each as the same unknown token"
        said = f"The model has never seen {' '.join(found.unknown)} and reads {reads}."
        parts.append(markup.problem(said))
    if not best.ended:
        parts.append(markup.problem("The model found no end: this is the best unfinished answer."))
    rows = [
        [each.text or "(nothing)", f"{each.probability:.2%}", f"{each.score:.3g}", f"{each.value:.3g}"]
        for each in found.answers
    ]
    heads = ("answer", "probability", "log-probability", "score")
    parts.append(markup.table(heads, rows, caption="What the beam search found, the best first"))
    parts.append(markup.note("The score that decides is the log-probability over length to the power of the penalty."))
    return "".join(parts)


def show_attention(text: str, found: Translation) -> str:
    if found.attention is None:
        return markup.note("This model has no attention to show.")
    best = found.answers[0]
    tokens = [*best.tokens, *([END] if best.ended else [])]
    reading = Reading(text, best.text, best.text, found.source, tokens, found.attention)
    picture = attention(reading, name="attention", script="the text")
    return markup.picture(picture, alt=picture.words.alt, caption=HOW_TO_READ)


HOW_TO_READ = (
    "Where the decoder looked: a row per token of the answer, a column per token of the text. The more a cell stands "
    "out, the more weight; each row sums to 1."
)
