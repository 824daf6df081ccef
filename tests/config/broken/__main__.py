"""Write down what is said of every broken configuration."""

from tests.config.broken import FILES, found, said

for file in FILES:
    file.with_suffix(".txt").write_text(said(found(file)), encoding="utf-8")
