"""The contract as a release ships it, beside the packages."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from repository import ROOT

pytestmark = pytest.mark.install


def released(suffix: str) -> Path:
    """Return the file that `make build` wrote."""
    [path] = (ROOT / "dist").glob(f"tihua-protos-*{suffix}")
    return path


def methods(files: list[FileDescriptorProto]) -> set[str]:
    """Return the methods of the contract, with their request and response types."""
    return {
        f"{file.package}.{service.name}/{method.name}({method.input_type}) {method.output_type}"
        for file in files
        if file.package == "tihua.v1"
        for service in file.service
        for method in service.method
    }


def test_the_plain_protos_compile_by_themselves_and_are_the_descriptors(tmp_path: Path) -> None:
    """The unpacked protos build with buf, and have the methods of the FileDescriptorSet."""
    with tarfile.open(released(".tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    config = (ROOT / "protos" / "service_config.json").read_bytes()
    assert (folder / "service_config.json").read_bytes() == config
    image = tmp_path / "built.binpb"
    buf = Path(sys.executable).with_name("buf")
    subprocess.run([buf, "build", folder, "--as-file-descriptor-set", "-o", image], check=True)
    built = FileDescriptorSet.FromString(image.read_bytes())
    descriptors = FileDescriptorSet.FromString(released(".binpb").read_bytes())
    assert methods(list(built.file))
    assert methods(list(built.file)) == methods(list(descriptors.file))
