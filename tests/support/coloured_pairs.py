"""The smallest dataset that a model can be fine-tuned on."""

from pathlib import Path

from PIL import Image


def write_coloured_pairs(folder: Path) -> Path:
    """Write a red and a blue picture for training, and two more for validation.

    Returns:
        The folder, which is created: train/, val/ and captions.tsv.
    """
    lines = ["image\tcaption"]
    for split, shade in (("train", 250), ("val", 200)):
        (folder / split).mkdir(parents=True)
        for name, colour, text in (("r", (shade, 0, 0), "红色"), ("b", (0, 0, shade), "蓝色")):
            Image.new("RGB", (32, 32), colour).save(folder / split / f"{name}.png")
            lines.append(f"{split}/{name}.png\t{text}")
    (folder / "captions.tsv").write_text("\n".join(lines), encoding="utf-8")
    return folder
