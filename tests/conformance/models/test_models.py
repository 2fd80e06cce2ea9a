"""Each model behaves like the simplest possible description of what it stands for."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanami_conformance import data
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.models.dataset import DatasetModel, csv_table, idx_images, idx_labels
from hanami_conformance.models.file import FileModel
from hanami_conformance.resources.readback import first_difference
from hanami_conformance.resources.templates import render_template
from hanami_proto.dialect import dialect_names, load_dialect
from hanami_reference_backend.network.templates import TemplateReader
from tools.sample_data import make

chunks = st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=12)), max_size=12)


@given(size=st.integers(1, 30), writes=chunks)
def test_a_file_behaves_like_a_list_of_bytes(size: int, writes: list[tuple[int, bytes]]) -> None:
    model = FileModel(size)
    plain: list[int | None] = [None] * size
    for position, chunk in writes:
        fits = position + len(chunk) <= size
        assert model.write(position, chunk) is fits
        if fits:
            plain[position : position + len(chunk)] = list(chunk)
    assert model.complete is (None not in plain)
    assert model.missing == plain.count(None)
    assert [int(byte) for byte, known in zip(model.content, model.received, strict=True) if known] == [
        byte for byte in plain if byte is not None
    ]


def test_idx_files() -> None:
    images = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    assert idx_images(images) == bytes.fromhex("00000803 00000002 00000003 00000002") + bytes(range(12))
    assert idx_labels(np.array([7, 9], dtype=np.uint8)) == bytes.fromhex("00000801 00000002 0709")


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_table_keeps_float32(values: list[float]) -> None:
    column = np.array(values, dtype=np.float32).reshape(-1, 1)
    lines = csv_table(["name"], column).decode().splitlines()
    assert lines[0] == "name"
    assert np.array_equal(np.array(lines[1:], dtype=np.float32), column[:, 0])


def images_model() -> tuple[DatasetModel, np.ndarray]:
    images = np.array([[[0, 255], [7, 9]], [[1, 2], [3, 4]]], dtype=np.uint8)
    return DatasetModel.from_images(images, np.array([3, 0], dtype=np.uint8)), images.reshape(2, 4).astype(np.float32)


def test_pixels_agree_as_bytes_and_as_fractions() -> None:
    model, pixels = images_model()
    assert model.matches("picture", pixels)
    assert model.matches("picture", (pixels / 255).astype(np.float32))
    assert not model.matches("picture", pixels[:, ::-1])
    assert not model.matches("picture", pixels[:1])
    assert not model.matches("picture", pixels[:, :3])
    assert not model.matches("picture", (pixels[::-1] / 255).astype(np.float32))


def test_pixels_of_zero_and_one_agree_as_fractions_too() -> None:
    model = DatasetModel.from_images(np.array([[[1, 0]]], dtype=np.uint8), np.array([0], dtype=np.uint8))
    assert model.matches("picture", np.array([[1 / 255, 0]], dtype=np.float32))
    assert model.matches("picture", np.array([[1, 0]], dtype=np.float32))
    assert not model.matches("picture", np.array([[0, 1 / 255]], dtype=np.float32))


def test_labels_agree_plain_and_one_hot() -> None:
    model, _ = images_model()
    one_hot = np.eye(10, dtype=np.float32)[[3, 0]]
    assert model.matches("label", one_hot)
    assert model.matches("label", np.array([[3], [0]], dtype=np.float32))
    assert not model.matches("label", np.array([[0], [3]], dtype=np.float32))
    assert not model.matches("label", one_hot[::-1])
    assert not model.matches("label", one_hot * 2)
    assert not model.matches("label", np.eye(3, dtype=np.float32)[[2, 0]])
    assert model.widths == {4, 5, 8, 14}


def test_tables_agree_value_for_value() -> None:
    values = np.array([[1, 2], [3, 4]], dtype=np.float32)
    model = DatasetModel.from_table(["a", "b"], values)
    assert model.matches("b", values[:, 1:])
    assert not model.matches("b", values[:, :1])
    assert (model.rows, model.widths) == (2, frozenset({2}))


def test_differences_in_words() -> None:
    expected = np.zeros((2, 2), dtype=np.float32)
    other = expected.copy()
    other[1, 0] = 5
    assert "1 of 4 values differ, the first at row 1, value 0: 5.0 instead of 0.0" in first_difference(expected, other)
    other[0, 1] = np.nan  # any value
    assert "1 of 4 values differ, the first at row 1" in first_difference(other, expected)
    assert first_difference(expected, expected[:1]) == "1 rows instead of 2"
    assert first_difference(expected, expected[:, :1]) == "1 values in a row instead of 2"
    assert first_difference(expected, expected) == "the same values"


def test_the_shipped_data_are_those_of_scikit_learn() -> None:
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        shipped = Path(data.__file__).parent
        for made in Path(folder).iterdir():
            # The contents, not the files: zlib may pack the same bytes in another way from one release to the next.
            assert gzip.decompress(made.read_bytes()) == gzip.decompress((shipped / made.name).read_bytes()), made.name


def test_the_shipped_data_are_real() -> None:
    digits = data.digits()
    assert digits.images.shape == (1797, 8, 8)
    assert digits.image_file == idx_images(digits.images)
    assert digits.label_file == idx_labels(digits.labels)
    assert set(digits.labels.tolist()) == set(range(10))
    content, names, values = data.iris()
    assert values.shape == (150, len(names))
    assert csv_table(names, values) == content


@pytest.mark.parametrize("name", dialect_names())
def test_templates_are_understood(name: str) -> None:
    shape = ClusterShape({"in_a": 3, "in_b": 4}, {"out_a": 2, "out_b": 5}, hidden=6)
    dialect = load_dialect(name)
    settings = dialect.template_settings
    reader = TemplateReader(dialect.template, "[a-z_]+", max_bricks=9, hidden_size=6, settings=settings)
    template = reader.read(render_template(dialect, shape))
    for ports, sizes in ((template.inputs, shape.inputs), (template.outputs, shape.outputs)):
        assert {port.name: port.size for port in ports} == {
            name: size if dialect.has_sizes else 0 for name, size in sizes.items()
        }
    assert template.hidden == (6,)


@pytest.mark.parametrize("classes", [3, 10])
def test_labels_are_right_one_hot_of_the_classes_that_there_are_and_of_ten(classes: int) -> None:
    images = np.zeros((3, 2, 2), dtype=np.uint8)
    labels = np.array([0, 2, 1], dtype=np.uint8)
    model = DatasetModel.from_images(images, labels)
    assert 4 + classes in model.widths
    assert model.matches("label", np.eye(classes, dtype=np.float32)[labels])
    assert not model.matches("label", np.eye(classes, dtype=np.float32)[[0, 1, 2]])


def test_labels_of_one_class_may_be_one_hot_or_plain() -> None:
    model = DatasetModel.from_images(np.zeros((2, 1, 1), dtype=np.uint8), np.zeros(2, dtype=np.uint8))
    assert model.matches("label", np.ones((2, 1), dtype=np.float32))
    assert model.matches("label", np.zeros((2, 1), dtype=np.float32))
    assert not model.matches("label", np.array([[1], [0]], dtype=np.float32))
