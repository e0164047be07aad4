"""docs/sizing.md: its tables are what the arithmetic says."""

import pytest
import sizing
import yaml
from repository import ROOT

PAGE = (ROOT / "docs" / "sizing.md").read_text()


@pytest.mark.parametrize("number", range(len(sizing.tables())))
def test_every_table_is_computed(number: int) -> None:
    """`python tests/support/sizing.py` prints what must stand there."""
    assert sizing.tables()[number] in PAGE


def test_there_is_no_other_number_in_a_table() -> None:
    """Only the choice of a store, which is advice, is not computed."""
    tables = [part for part in PAGE.split("\n\n") if part.startswith("|")]
    assert len(tables) == len(sizing.tables()) + 1


def test_the_milvus_of_the_manifests_holds_ten_million_pictures() -> None:
    """They fit even when one of its query nodes is lost."""
    file = ROOT / "deploy" / "kubernetes" / "milvus" / "milvus.yaml"
    node = yaml.safe_load(file.read_text())["spec"]["components"]["queryNode"]
    gib = int(node["resources"]["limits"]["memory"].removesuffix("Gi"))
    needed = sizing.memory_bytes("HNSW", 512, 10**7)
    assert (node["replicas"] - 1) * gib * 2**30 >= needed
