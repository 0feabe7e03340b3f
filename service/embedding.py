"""Keeps the word embeddings int8 in memory, as they are in the model file.

The file holds each word's vector as int8 numbers with a scale. OpenVINO turns the whole
table into fp32 when it compiles, since it looks words up only after that: 47 MB instead
of 12. Looked up first, the few rows of a request are all that is ever scaled; the numbers
that come out are the same.
"""

from service.runtime import openvino

op = openvino.opset13


def scale_after_lookup(network: openvino.Model) -> None:
    """Change every `Gather(scaled int8 table, ids)` of the network; no other form of it."""
    for lookup in network.get_ops():
        if lookup.get_type_name() == "Gather":
            _change(lookup)
    network.validate_nodes_and_infer_types()


def _change(lookup: openvino.Node) -> None:
    """`(table - zero) * scale` and then rows, to rows of all three and then that."""
    scaled = lookup.input_value(0).get_node()
    shifted = _source(scaled, "Multiply", 0)
    table = _source(_source(shifted, "Subtract", 0), "Convert", 0)
    if shifted is None or table is None or table.get_type_name() != "Constant":
        return
    ids, axis = lookup.input_value(1), lookup.input_value(2)

    def rows(source: openvino.Output) -> openvino.Node:
        return op.convert(op.gather(source, ids, axis), "f32")

    found = op.subtract(rows(table.output(0)), rows(shifted.input_value(1)))
    found = op.multiply(found, rows(scaled.input_value(1)))
    for use in lookup.output(0).get_target_inputs():
        use.replace_source_output(found.output(0))


def _source(node: openvino.Node | None, kind: str, number: int) -> openvino.Node | None:
    """The node that feeds input `number` of `node`, if that is of this kind."""
    if node is None or node.get_type_name() != kind:
        return None
    return node.input_value(number).get_node()
