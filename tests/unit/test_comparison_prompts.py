"""Prompt files: what is read, and what is refused with its line."""

from pathlib import Path

import pytest

from comparison import PromptsInvalid
from comparison.prompts import MAX_FILE_BYTES, read_prompts


def written(path: Path, content: str | bytes) -> Path:
    """Return a file with this content."""
    file = path / "prompts.jsonl"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_prompts_and_expected_tokens_keep_their_order(tmp_path: Path) -> None:
    """Both spellings; a line without a number has none; empty lines are skipped."""
    file = written(
        tmp_path,
        '{"prompt": "a", "expected_tokens": 3}\n\n{"prompt": "b ü"}\r\n'
        '{"prompt": "c", "expectedTokens": 5}',
    )

    found = read_prompts(file)

    assert ["a", "b ü", "c"] == found.prompts
    assert [3, None, 5] == found.expected_tokens


def test_without_any_number_nothing_is_expected(tmp_path: Path) -> None:
    """None, not a list of nothing."""
    assert read_prompts(written(tmp_path, '{"prompt": "a"}')).expected_tokens is None


def test_shuffling_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """And moves each number with its prompt."""
    lines = [f'{{"prompt": "{number}", "expected_tokens": {number}}}' for number in range(1, 40)]
    file = written(tmp_path, "\n".join(lines))

    plain, first, again = (read_prompts(file, shuffle_seed=seed) for seed in (None, 4, 4))

    assert first == again
    assert plain.prompts != first.prompts
    assert sorted(plain.prompts) == sorted(first.prompts)
    assert first.expected_tokens == [int(prompt) for prompt in first.prompts]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"prompt": "a"}\n{"prompt": ', "line 2: not a JSON object"),
        (b'{"prompt": "\xff"}', "line 1: not a JSON object in UTF-8"),
        ('{"prompt": "a"}\n\n{"prompt": ""}', "line 3: prompt"),
        ('{"prompt": "a", "expected_tokens": "3"}', "line 1: expected_tokens"),
        ('{"prompt": "a", "expected_tokens": 0}', "line 1: expected_tokens"),
        ('{"promt": "a"}', "line 1: prompt"),
        ('{"prompt": "a", "answer": "b"}', "line 1: answer"),
        ("[]", "line 1: the line"),
        ("\n\n", "not 0"),
        ("x" * (MAX_FILE_BYTES + 1), "larger than 896 KiB"),
    ],
    ids=range(10),
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    """Never a traceback."""
    with pytest.raises(PromptsInvalid, match=words):
        read_prompts(written(tmp_path, content))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(PromptsInvalid, match=r"none\.jsonl cannot be read"):
        read_prompts(tmp_path / "none.jsonl")
