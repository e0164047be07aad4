"""Runs of several precisions beside each other."""

import json
from dataclasses import fields, replace
from pathlib import Path

from bench.retrieval.outcome import Outcome, Run, Skipped, losers
from bench.retrieval.report import as_markdown, write_report
from tihua import Limits, ModelInfo, ModelRef, ServerInfo
from tihua_server.training.recall import Recall

MODEL = ModelInfo(
    ref=ModelRef("tihua-tiny", "3fc9ca8adc4f3bcd"),
    dim=512,
    image_size_px=224,
    context_length=52,
    engine="openvino",
    device="cpu",
    precision="fp32",
)


def run(precision: str, recall_at_10: float) -> Run:
    """Return a run with one task."""
    limits = Limits(*[1] * len(fields(Limits)))
    server = ServerInfo("0.1.0", limits, (replace(MODEL, precision=precision),), "Milvus Lite")
    recall = Recall({1: 10.0, 5: 20.0, 10: recall_at_10}, median_rank=4.5, queries=50)
    return Run(server, (Outcome("noun → gallery", 700, recall, ("桥",)),), seconds=1.0)


def test_a_loss_of_one_point_is_allowed() -> None:
    """So is a gain of any size."""
    assert losers([run("fp32", 60.1), run("bf16", 59.1), run("int8", 70.0)]) == []


def test_a_greater_loss_is_told_by_name() -> None:
    """With the figure and the bound."""
    [line] = losers([run("bf16", 60.0), run("int8", 58.9), run("fp32", 60.0)])
    assert line.startswith("openvino int8 loses 1.1 points of R@10")
    assert "noun → gallery; 1 is allowed" in line


def test_without_fp32_nothing_is_compared() -> None:
    """There is no column for it then."""
    runs = [run("bf16", 60.0), run("int8", 10.0)]
    assert losers(runs) == []
    assert "against fp32" not in as_markdown(runs, [])


def test_the_table_tells_what_each_lost_or_won() -> None:
    """Rows are grouped by task."""
    text = as_markdown([run("fp32", 60.0), run("int8", 59.5)], [])
    rows = [line for line in text.splitlines() if line.startswith("| noun")]
    assert rows[0].endswith("| 60.0 | 4.5 | — |")
    assert (
        rows[1] == "| noun → gallery | openvino int8 | 50 | 700 | 10.0 | 20.0 | 59.5 | 4.5 | -0.5 |"
    )


def test_what_was_left_out_is_written_with_its_reason(tmp_path: Path) -> None:
    """Otherwise the table would hide a gap."""
    write_report(tmp_path / "out", [run("fp32", 60.0)], [Skipped("emoji", "there is no npm")])
    content = json.loads((tmp_path / "out" / "eval.json").read_text(encoding="utf-8"))
    assert content["skipped"] == [{"task": "emoji", "reason": "there is no npm"}]
    assert content["runs"][0]["tasks"][0]["r@10"] == 60.0
    assert content["runs"][0]["model"]["precision"] == "fp32"
    markdown = (tmp_path / "out" / "eval.md").read_text(encoding="utf-8")
    assert "Left out: emoji: there is no npm." in markdown
    assert "Not in the top 5 of noun → gallery (openvino fp32): 桥." in markdown
