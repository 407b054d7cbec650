"""A local page to try the trained models by hand. The only room that imports gradio; nothing imports it."""
