"""Word embeddings are looked up before they are scaled, and nothing else changes."""

import numpy as np
import pytest

from service.artefact import MODEL_FILE
from service.embedding import scale_after_lookup
from service.runtime import openvino
from tests.conftest import ROOT

op = openvino.opset13
IDS = np.array([[101, 2610, 2915, 1037, 2158, 102], [101, 7, 30521, 0, 0, 102]], dtype=np.int64)


def compiled(network: openvino.Model) -> openvino.CompiledModel:
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return openvino.Core().compile_model(network, "CPU", options)


def tables(model: openvino.CompiledModel) -> set[str]:
    """Types of the numbers that tables of more than 10,000 rows are held in at run time."""
    constants = [
        node
        for node in model.get_runtime_model().get_ops()
        if node.get_rt_info()["layerType"].value == "Const"
    ]
    shapes = {node: tuple(node.get_output_shape(0)) for node in constants}
    return {
        str(node.get_rt_info()["outputPrecisions"].value)
        for node, shape in shapes.items()
        if len(shape) == 2 and shape[0] > 10_000 and shape[1] > 1
    }


def test_the_shipped_model_answers_the_same() -> None:
    path = ROOT / "model" / "serving" / MODEL_FILE
    inputs = {"input_ids": IDS, "attention_mask": np.ones_like(IDS)}
    plain = openvino.Core().read_model(path)
    expected = compiled(plain)(inputs)
    changed = openvino.Core().read_model(path)
    scale_after_lookup(changed)
    model = compiled(changed)
    found = model(inputs)
    for name in ("windows", "tokens"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
    assert tables(model) == {"i8"}


@pytest.mark.parametrize("zero", [0, 3])
def test_rows_are_shifted_and_scaled(zero: int) -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(-120, 120, (50, 4)).astype(np.int8)
    scale = rng.random((50, 1)).astype(np.float32)
    ids = op.parameter([-1], np.int64)
    shifted = op.subtract(
        op.convert(op.constant(table), "f32"), op.constant(np.full((50, 1), zero, np.float32))
    )
    lookup = op.gather(op.multiply(shifted, op.constant(scale)), ids, op.constant(np.int64(0)))
    network = openvino.Model([lookup], [ids], "lookup")
    scale_after_lookup(network)
    chosen = np.array([3, 49, 3, 0])
    expected = (table[chosen].astype(np.float32) - zero) * scale[chosen]
    np.testing.assert_allclose(compiled(network)([chosen])[0], expected, rtol=1e-6)


def test_a_network_without_such_a_table_stays_as_it_is() -> None:
    ids = op.parameter([-1], np.int64)
    table = op.constant(np.eye(5, dtype=np.float32))
    network = openvino.Model([op.gather(table, ids, op.constant(np.int64(0)))], [ids], "plain")
    before = [node.get_type_name() for node in network.get_ordered_ops()]
    scale_after_lookup(network)
    assert [node.get_type_name() for node in network.get_ordered_ops()] == before
